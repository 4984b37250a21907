// Package audio embeds the speech that the demo and tests play. Source and
// licence of the recordings stand in README.md beside it.
package audio

import _ "embed"

// SpeechA and SpeechB are two different voices' worth of speech, WAV, 8 kHz
// mono, about ten seconds each.
var (
	//go:embed speech-a.wav
	SpeechA []byte
	//go:embed speech-b.wav
	SpeechB []byte
)
