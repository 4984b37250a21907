// Package dtmf sends and receives key presses, the digits 0-9, *, # and A-D: as
// RTP telephone events (RFC 4733, events 0 to 15) with Encoder and Decoder, and
// as tones in the sound (ITU-T Q.23, Q.24) with Generator and Detector.
//
// All are pure: no goroutine, clock or socket. The Encoder is pulled once per
// packet time, the Generator for each frame; the Decoder is asked once per tick,
// and the Detector when sound was put into it. The caller brings timestamps.
// Values are owned by one goroutine and nothing allocates after a digit was
// queued.
//
// One key press on the wire, packets 20 ms apart (RFC 4733 §2.5):
//
//	time     0    20    40    60    80   100   120
//	packet   M    .     .     .     E     E     E      audio again
//	ts       T    T     T     T     T     T     T
//	duration 160  320   480   640   800   800   800
//
// How a key is found in sound, 5 ms at a time:
//
//	8 Goertzel filters ─▶ join 4 segments ─▶ strongest low and high tone
//	   on 5 ms, with phase   to a block of 20 ms        │ enough energy?
//	                                                    ▼
//	key held for 3 blocks ◀─ twist, frequencies, ◀─ fit of two sinusoids, whose
//	told when it is up       harmonics, what is left   frequencies are corrected
//
// A voice, too, can have energy at two of the eight frequencies. It never has
// next to nothing else, and never holds it for 30 ms.
//
// The package does not report events above 15 (flash among them): those are
// ignored. It hears tones at 8000 Hz only.
package dtmf
