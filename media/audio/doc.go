// Package audio holds what flows between a call and the world: frames of
// 10 ms mono linear PCM that carry their sample rate, the Source and Sink
// interfaces, the plain sources and sinks (WAV files, tones, silence, sequences,
// an echo, a tee, a buffer for tests), and what works on frames: Mixer, Resampler,
// Gain and Meter. A Recorder takes one side of a call or, as a Monitor, both in
// step. TonesOf has the tones of each country (ITU-T E.180 supplement 2).
//
// Sources and sinks are pulled and pushed by a media tick, so ReadFrame and
// WriteFrame never block and never allocate. Whatever must wait (a disk) sits
// behind a bounded ring with a goroutine of its own.
//
// WAV files are RIFF/WAVE as in the Microsoft multimedia specification; A-law
// and µ-law are ITU-T G.711. Levels are in dBm0, where a sine of 0 dBm0 lies
// 3.17 dB below the largest one µ-law can carry (ITU-T G.711, note 1 of §3), and
// those of a Meter in dBov (RFC 6464).
//
// The package never opens a device or a socket and knows nothing of RTP.
package audio
