// Package jitter turns RTP packets that arrive at uneven times into an even
// stream of sound: 10 ms of it for every call of Get, whatever arrived.
//
//	            Put                                     Get
//	packet ─▶ classify ─▶ place on one timeline ─▶ ring ─▶ decode ─▶ smooth ─▶ 10 ms
//	           (SSRC, sequence,  (position, delay)          │
//	            time jumps)                                 └─ missing: conceal, comfort noise, silence
//
// It reorders, drops duplicates, conceals loss, follows the sender's clock, and
// comes back to speech within one target delay after a pause, a jump of the
// sequence number or the timestamp, or a change of SSRC (RFC 3550). Sound is
// G.711; comfort noise (RFC 3389) and telephone events (RFC 4733) pass through
// so that their sequence numbers do not look like loss.
//
// A Playout is pure: no goroutine, clock or socket. One goroutine owns it and
// brings the time, of one clock for Put and Get. After New nothing allocates.
package jitter
