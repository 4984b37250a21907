// Package media moves the sound of a call: RTP and RTCP over a pair of UDP
// ports, driven by ticks of 10 ms.
//
//	  kernel             tick goroutine (Pacer)
//	socket, time ─▶ source check ─▶ RTCP / RTP ─▶ jitter ─▶ Sink
//	                                   └─▶ telephone-event ─▶ OnDigit
//	socket ◀─────────── packet ◀─ G.711 / telephone-event ◀─ mute ◀─ Source
//
// Where no telephone events were agreed on, keys are tones in the sound (ITU-T
// Q.23), put in after mute and looked for in what jitter gives. A Monitor sees both
// sides of the call in step.
//
// On Linux a tick asks the sockets itself. Elsewhere, and for sockets that are
// not the system's, a goroutine reads them, stamps what comes, and hands it over
// a ring.
//
// It follows RFC 3550 (RTP and RTCP), RFC 3551 (G.711 in RTP), RFC 4733
// (telephone events), RFC 5761 (RTP and RTCP on one port), RFC 4961
// (symmetric RTP) and, through media/srtp, RFC 3711 and RFC 7714 (SRTP).
//
// Ports opens pairs of ports as Sockets, a Session runs the media of one call on
// a Socket, and a Pacer ticks the Sessions. A tick never blocks and, once a call
// is under way, allocates nothing. What is set from outside (parameters, source,
// sink, mute, digits) is picked up by the next tick.
//
// The package never negotiates (that is media/offer), never mixes calls, never
// chooses a key, and never answers the network on behalf of an unknown source.
package media
