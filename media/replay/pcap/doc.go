// Package pcap finds the streams of RTP (RFC 3550) in a capture, so that
// media/replay can play what a real network did.
//
// It reads pcap and pcapng as Wireshark, tcpdump and softphone --pcap write
// them, on any link that gopacket knows, IPv4 and IPv6. RTP has no mark of its
// own: a stream is what looks like RTP at least ten times over, with one SSRC,
// from one address to one port, and with sequence numbers that go on. Encrypted
// sound (SRTP) is found too, but only its times are of use.
//
// It never captures, and never follows SIP: which stream is meant is for the
// caller to say.
package pcap
