// Package offer is the offer/answer model of RFC 3264 for one audio stream,
// over SDP (RFC 8866). It is pure: a Local description of what this side can
// do goes in, together with the peer's SDP, and an SDP body and the Params to
// run the media with come out. No state is kept, nothing is sent, and equal
// input gives equal output, byte for byte.
//
// It follows RFC 3264 (offers, answers, hold), RFC 3551 (static payload
// types), RFC 4733 (telephone-event), RFC 3605 (a=rtcp), RFC 3611 §5
// (a=rtcp-xr), RFC 5761 (rtcp-mux),
// RFC 4585 (RTP/AVPF is answered in kind, without feedback), RFC 4568 (SRTP under
// keys in SDP) and RFC 8643 (the same over RTP/AVP, for peers that can).
//
// The text is read line by line by this package and written by pion/sdp:
// pion's own reader refuses a whole description for one media type, transport
// or bandwidth modifier that it does not know (m=image of a fax, b=X), where
// RFC 3264 §6 wants only that stream refused; and it cannot say in which line
// the error is.
//
// It never resolves names, never chooses ports, never makes a key and never asks
// who could read one on its way: whoever hands it keys has settled that. No error
// of it shows one.
package offer
