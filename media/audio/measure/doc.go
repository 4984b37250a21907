// Package measure compares a recording with what was played: at which delay it
// matches, how well, and where sound is missing. A random marker in front of
// what is played makes sure that the recording is of this run and no other.
//
// Delays and windows are in samples, so both signals have one rate. The package
// measures likeness of waveforms, not listening quality: it has no model of
// hearing.
package measure
