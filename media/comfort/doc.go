// Package comfort is comfort noise (RFC 3389): what a sender tells about its
// silence instead of sending it, and what a receiver plays then.
//
//	sender    frame ─▶ Detector: speech? ─ no ─▶ Analyzer ─▶ Noise ─▶ Append ─▶ CN packet
//	receiver  CN packet ─▶ Parse ─▶ Noise ─▶ Generator ─▶ frame
//
// A Noise is a level and the shape of a spectrum as reflection coefficients of an
// all-pole model. Sound is 8000 Hz, a frame is 10 ms.
//
// The package is pure: no goroutine, clock or socket. It knows nothing of RTP
// headers or SDP. Nothing in it allocates but Append, when there is no room.
package comfort
