// Package g711 codes whole frames of 16-bit linear PCM as ITU-T G.711 µ-law
// (PCMU, RTP payload type 0) and A-law (PCMA, payload type 8) and back.
//
// The tables are made from the per-sample functions of github.com/zaf/g711 when
// the program starts, and the tests compare every one of the 65,536 inputs and
// 256 codes. µ-law looks at the upper 14 bits of a sample and A-law at the
// upper 12, so 16 KiB and 4 KiB hold every answer and stay in the cache.
//
// The package never allocates, never returns an error and never resamples: one
// byte is one sample, at whatever rate the caller runs (8000 Hz in telephony,
// RFC 3551 §4.5.14). All functions may be called from any goroutine.
package g711
