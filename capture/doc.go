// Package capture writes the SIP messages, RTP and RTCP packets that taps hand
// to it into one pcap file, which Wireshark, tshark, sngrep and tcpdump read.
//
// It sees messages and datagrams, not frames, so it makes up what was below
// them: IPv4 or IPv6 and UDP headers with right checksums, and for TCP a
// handshake and running sequence numbers, so that streams can be reassembled.
// The link type is raw IP: no hardware addresses are invented. TLS and
// WebSocket messages appear as they were inside, over plain TCP.
//
//	SIP, RTP -> bounded queue -> writer goroutine -> file
//
// The taps never block. RTP allocates nothing, for it runs on the media path;
// when the file cannot keep up, packets are dropped and counted.
//
// What could be used to find out a password is replaced by stars, unless asked
// for: see Mask. Speech is not hidden, so the file is readable by its owner
// alone.
//
// The formats are pcap 2.4 (draft-ietf-opsawg-pcap), IPv4 (RFC 791), IPv6
// (RFC 8200), UDP (RFC 768), TCP (RFC 9293) and the Internet checksum
// (RFC 1071). Nothing is ever captured from a network here.
package capture
