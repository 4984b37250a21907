package g711

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	zaf "github.com/zaf/g711"
)

// everySample returns all 65,536 values that a sample can have.
func everySample() []int16 {
	s := make([]int16, 1<<16)
	for i := range s {
		s[i] = int16(i + math.MinInt16)
	}
	return s
}

func everyCode() []byte {
	c := make([]byte, 256)
	for i := range c {
		c[i] = byte(i)
	}
	return c
}

func TestEncode_EverySampleBitExact(t *testing.T) {
	samples := everySample()
	mu, a := make([]byte, len(samples)), make([]byte, len(samples))
	require.Equal(t, len(samples), EncodePCMU(mu, samples))
	require.Equal(t, len(samples), EncodePCMA(a, samples))
	for i, s := range samples {
		if want := zaf.EncodeUlawFrame(s); mu[i] != want {
			t.Fatalf("PCMU of %d is %#x, want %#x", s, mu[i], want)
		}
		if want := zaf.EncodeAlawFrame(s); a[i] != want {
			t.Fatalf("PCMA of %d is %#x, want %#x", s, a[i], want)
		}
	}
}

func TestDecode_EveryCodeBitExact(t *testing.T) {
	codes := everyCode()
	mu, a := make([]int16, 256), make([]int16, 256)
	require.Equal(t, 256, DecodePCMU(mu, codes))
	require.Equal(t, 256, DecodePCMA(a, codes))
	for i, c := range codes {
		require.Equal(t, zaf.DecodeUlawFrame(c), mu[i], "PCMU %#x", c)
		require.Equal(t, zaf.DecodeAlawFrame(c), a[i], "PCMA %#x", c)
	}
}

// A second opinion, from the Recommendation's definition of the segments rather
// than from the library that the tables are built from.
func TestDecode_FollowsG711(t *testing.T) {
	for c := range 256 {
		inverted := ^byte(c)
		magnitude := (int(inverted&15)*2+33)<<(inverted>>4&7) - 33
		mu := magnitude * 4
		if inverted&0x80 != 0 {
			mu = -mu
		}
		toggled := byte(c) ^ 0x55
		a := int(toggled&15)*2 + 1
		if segment := toggled >> 4 & 7; segment > 0 {
			a = (a + 32) << (segment - 1)
		}
		a *= 8
		if toggled&0x80 == 0 {
			a = -a
		}
		got := make([]int16, 1)
		DecodePCMU(got, []byte{byte(c)})
		require.Equal(t, mu, int(got[0]), "PCMU %#x", c)
		DecodePCMA(got, []byte{byte(c)})
		require.Equal(t, a, int(got[0]), "PCMA %#x", c)
	}
}

func TestEncode_CodesSurviveDecoding(t *testing.T) {
	codes := everyCode()
	samples, again := make([]int16, 256), make([]byte, 256)
	DecodePCMA(samples, codes)
	EncodePCMA(again, samples)
	require.Equal(t, codes, again)

	DecodePCMU(samples, codes)
	EncodePCMU(again, samples)
	codes[0x7F] = SilencePCMU // the second code of zero
	require.Equal(t, codes, again)
}

func TestSilence(t *testing.T) {
	code := make([]byte, 1)
	EncodePCMU(code, []int16{0})
	assert.Equal(t, byte(SilencePCMU), code[0])
	EncodePCMA(code, []int16{0})
	assert.Equal(t, byte(SilencePCMA), code[0])
}

func TestLengths(t *testing.T) {
	for _, encode := range []func([]byte, []int16) int{EncodePCMU, EncodePCMA} {
		assert.Equal(t, 3, encode(make([]byte, 3), make([]int16, 5)))
		assert.Equal(t, 3, encode(make([]byte, 5), make([]int16, 3)))
		assert.Zero(t, encode(nil, nil))
	}
	for _, decode := range []func([]int16, []byte) int{DecodePCMU, DecodePCMA} {
		assert.Equal(t, 3, decode(make([]int16, 3), make([]byte, 5)))
		assert.Equal(t, 3, decode(make([]int16, 5), make([]byte, 3)))
		assert.Zero(t, decode(nil, nil))
	}
}

func TestAllocations(t *testing.T) {
	samples, codes := make([]int16, 160), make([]byte, 160)
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		EncodePCMU(codes, samples)
		DecodePCMU(samples, codes)
		EncodePCMA(codes, samples)
		DecodePCMA(samples, codes)
	}))
}

// speechlike fills a 20 ms frame in the different segments of the code.
func speechlike() []int16 {
	s := make([]int16, 160)
	for i := range s {
		s[i] = int16(12000 * math.Sin(float64(i)/7) * math.Sin(float64(i)/31))
	}
	return s
}

func littleEndian(samples []int16) []byte {
	out := make([]byte, 0, 2*len(samples))
	for _, s := range samples {
		out = binary.LittleEndian.AppendUint16(out, uint16(s))
	}
	return out
}

// kept holds results so that the compiler cannot leave the work out.
var kept []byte

func BenchmarkEncode(b *testing.B) {
	samples, codes := speechlike(), make([]byte, 160)
	pcm := littleEndian(samples)
	for _, bench := range []struct {
		name string
		run  func()
	}{
		{"PCMU/ours", func() { EncodePCMU(codes, samples) }},
		{"PCMU/zaf", func() { kept = zaf.EncodeUlaw(pcm) }},
		{"PCMA/ours", func() { EncodePCMA(codes, samples) }},
		{"PCMA/zaf", func() { kept = zaf.EncodeAlaw(pcm) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(160)
			for b.Loop() {
				bench.run()
			}
		})
	}
	kept = codes
}

func BenchmarkDecode(b *testing.B) {
	samples, mu, a := speechlike(), make([]byte, 160), make([]byte, 160)
	EncodePCMU(mu, samples)
	EncodePCMA(a, samples)
	for _, bench := range []struct {
		name string
		run  func()
	}{
		{"PCMU/ours", func() { DecodePCMU(samples, mu) }},
		{"PCMU/zaf", func() { kept = zaf.DecodeUlaw(mu) }},
		{"PCMA/ours", func() { DecodePCMA(samples, a) }},
		{"PCMA/zaf", func() { kept = zaf.DecodeAlaw(a) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(160)
			for b.Loop() {
				bench.run()
			}
		})
	}
	kept = littleEndian(samples)
}
