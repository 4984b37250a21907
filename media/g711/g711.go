package g711

import (
	"encoding/binary"

	zaf "github.com/zaf/g711"
)

// Codes for a sample of zero, to fill a frame with silence.
const (
	SilencePCMU = 0xFF
	SilencePCMA = 0xD5
)

// Bits of a sample that take no part in coding.
const (
	spareBitsPCMU = 2
	spareBitsPCMA = 4
)

// The tables are constants that Go has no way to write as such: computed once,
// before main, from pure functions, and never written again. A lazily built
// table would cost each frame an atomic load for work of 100 µs per process.
var (
	pcmuCodes   = buildPCMUCodes()
	pcmaCodes   = buildPCMACodes()
	pcmuSamples = buildSamples(zaf.DecodeUlawFrame)
	pcmaSamples = buildSamples(zaf.DecodeAlawFrame)
)

func buildPCMUCodes() *[1 << (16 - spareBitsPCMU)]byte {
	codes := new([1 << (16 - spareBitsPCMU)]byte)
	for i := range codes {
		codes[i] = zaf.EncodeUlawFrame(int16(uint16(i << spareBitsPCMU)))
	}
	return codes
}

func buildPCMACodes() *[1 << (16 - spareBitsPCMA)]byte {
	codes := new([1 << (16 - spareBitsPCMA)]byte)
	for i := range codes {
		codes[i] = zaf.EncodeAlawFrame(int16(uint16(i << spareBitsPCMA)))
	}
	return codes
}

func buildSamples(decode func(uint8) int16) *[256]int16 {
	samples := new([256]int16)
	for i := range samples {
		samples[i] = decode(uint8(i))
	}
	return samples
}

// EncodePCMU codes src as µ-law into dst and returns the number of samples
// coded, the lesser of the two lengths.
func EncodePCMU(dst []byte, src []int16) int {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	codes := pcmuCodes
	for i, s := range src {
		dst[i] = codes[uint16(s)>>spareBitsPCMU]
	}
	return n
}

// EncodePCMA codes src as A-law into dst and returns the number of samples
// coded, the lesser of the two lengths.
func EncodePCMA(dst []byte, src []int16) int {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	codes := pcmaCodes
	for i, s := range src {
		dst[i] = codes[uint16(s)>>spareBitsPCMA]
	}
	return n
}

// DecodePCMU turns µ-law codes into samples in dst and returns their number,
// the lesser of the two lengths.
func DecodePCMU(dst []int16, src []byte) int {
	return decode(dst, src, pcmuSamples)
}

// DecodePCMA turns A-law codes into samples in dst and returns their number,
// the lesser of the two lengths.
func DecodePCMA(dst []int16, src []byte) int {
	return decode(dst, src, pcmaSamples)
}

// decode takes eight codes at a time, in one load.
func decode(dst []int16, src []byte, samples *[256]int16) int {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	for len(src) >= 8 && len(dst) >= 8 {
		c := binary.LittleEndian.Uint64(src)
		d := dst[:8:8]
		d[0] = samples[uint8(c)]
		d[1] = samples[uint8(c>>8)]
		d[2] = samples[uint8(c>>16)]
		d[3] = samples[uint8(c>>24)]
		d[4] = samples[uint8(c>>32)]
		d[5] = samples[uint8(c>>40)]
		d[6] = samples[uint8(c>>48)]
		d[7] = samples[uint8(c>>56)]
		dst, src = dst[8:], src[8:]
	}
	for i, c := range src {
		dst[i] = samples[c]
	}
	return n
}
