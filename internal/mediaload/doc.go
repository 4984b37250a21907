// Package mediaload measures what calls cost: so many media sessions of this
// module, paced as in the telephone, against an echo in another process, so that
// only our side is counted. Beside them it runs the least that a Go program can
// do for as many calls: for each a socket, a goroutine that reads it, and one
// that writes a packet at each tick of 20 ms. What ours takes more is the price
// of the jitter buffer, decoding, encoding, RTCP and statistics.
//
// The echo notes when each packet came in by the kernel's clock. From that and
// the RTP timestamp follows how far behind its schedule each was sent, seen from
// outside.
//
// It runs on Linux, on 127.0.0.1 only.
package mediaload
