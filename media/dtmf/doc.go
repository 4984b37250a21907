// Package dtmf sends and receives key presses as RTP telephone events
// (RFC 4733), events 0 to 15: the digits 0-9, *, # and A-D.
//
// Both directions are pure: no goroutine, clock or socket. The Encoder is
// pulled once per packet time and the Decoder once per tick, and the caller
// brings timestamps. Values are owned by one goroutine and nothing allocates
// after a digit was queued.
//
// One key press on the wire, packets 20 ms apart (RFC 4733 §2.5):
//
//	time     0    20    40    60    80   100   120
//	packet   M    .     .     .     E     E     E      audio again
//	ts       T    T     T     T     T     T     T
//	duration 160  320   480   640   800   800   800
//
// The package never plays or hears tones in the audio itself, and it does not
// report events above 15 (flash among them): those are ignored.
package dtmf
