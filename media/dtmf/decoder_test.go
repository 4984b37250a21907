package dtmf

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const ms = time.Millisecond

func event(code byte, end bool, duration uint16) []byte {
	flags := byte(10)
	if end {
		flags |= 0x80
	}
	return []byte{code, flags, byte(duration >> 8), byte(duration)}
}

// drain ticks every 10 ms from at for d and returns what was reported.
func drain(d *Decoder, at, length time.Duration) (digits []Digit) {
	for end := at + length; at <= end; at += 10 * ms {
		if digit, ok := d.Tick(at); ok {
			digits = append(digits, digit)
		}
	}
	return digits
}

func text(digits []Digit) string {
	var s strings.Builder
	for _, d := range digits {
		s.WriteRune(d.Rune)
	}
	return s.String()
}

func TestDecoder_OnceInSpiteOfThreeEnds(t *testing.T) {
	var d Decoder
	for i := range 5 {
		d.Put(1000, event(7, i == 4, uint16(160*(i+1))), i == 0, time.Duration(i)*20*ms)
	}
	d.Put(1000, event(7, true, 800), false, 100*ms)
	d.Put(1000, event(7, true, 800), false, 120*ms)
	got := drain(&d, 130*ms, time.Second)
	assert.Equal(t, []Digit{{Rune: '7', Start: 0, Duration: 100 * ms, Volume: -10}}, got)
}

func TestDecoder_AllEndPacketsLost(t *testing.T) {
	var d Decoder
	d.Put(1000, event(3, false, 160), true, 0)
	d.Put(1000, event(3, false, 320), false, 20*ms)
	_, ok := d.Tick(160 * ms)
	require.False(t, ok, "still down")
	digit, ok := d.Tick(170 * ms)
	require.True(t, ok)
	assert.Equal(t, '3', digit.Rune)
	assert.Equal(t, 40*ms, digit.Duration)
	// An end packet that comes after all reports nothing twice.
	d.Put(1000, event(3, true, 800), false, 300*ms)
	assert.Empty(t, drain(&d, 300*ms, time.Second))
}

func TestDecoder_AllEndsLostThenSameDigitAgain(t *testing.T) {
	var d Decoder
	d.Put(1000, event(3, false, 160), true, 0)
	d.Put(1000+1600, event(3, false, 160), true, 100*ms)
	d.Put(1000+1600, event(3, true, 320), false, 120*ms)
	assert.Equal(t, "33", text(drain(&d, 120*ms, time.Second)))
}

func TestDecoder_OnlyOneEndPacketHeard(t *testing.T) {
	var d Decoder
	d.Put(77, event(11, true, 800), false, 0)
	got := drain(&d, 0, time.Second)
	assert.Equal(t, []Digit{{Rune: '#', Duration: 100 * ms, Volume: -10}}, got)
}

func TestDecoder_Reordered(t *testing.T) {
	var d Decoder
	d.Put(1000, event(1, true, 800), false, 0)
	d.Put(1000, event(1, false, 640), false, 5*ms) // overtaken update
	d.Put(3000, event(2, false, 160), true, 250*ms)
	d.Put(1000, event(1, true, 800), false, 255*ms) // overtaken end of the first
	d.Put(3000, event(2, true, 800), false, 330*ms)
	assert.Equal(t, "12", text(drain(&d, 330*ms, time.Second)))
	assert.Equal(t, uint64(1), d.Ignored())
}

func TestDecoder_TimestampWraps(t *testing.T) {
	var d Decoder
	d.Put(0xFFFFFFF0, event(1, true, 800), true, 0)
	d.Put(0x00000600, event(2, true, 800), true, 200*ms)
	d.Put(0xFFFFFFF0, event(1, true, 800), false, 210*ms)
	assert.Equal(t, "12", text(drain(&d, 210*ms, time.Second)))
}

func TestDecoder_NewTimestampBaseIsANewStream(t *testing.T) {
	var d Decoder
	d.Put(5_000_000, event(1, true, 800), true, 0)
	d.Put(1000, event(2, true, 800), true, time.Second)   // far back
	d.Put(900, event(3, true, 800), true, 30*time.Second) // a little back, but much later
	assert.Equal(t, "123", text(drain(&d, 30*time.Second, time.Second)))
}

func TestDecoder_Malformed(t *testing.T) {
	var d Decoder
	for _, p := range [][]byte{nil, {}, {1}, {1, 2, 3}, {1, 10, 0, 160, 0}, {16, 10, 0, 160}, {255, 0x8A, 1, 2}} {
		d.Put(1000, p, true, 0)
	}
	assert.Empty(t, drain(&d, 0, time.Second))
	assert.Equal(t, uint64(7), d.Ignored())
	d.Put(1000, append(event(4, true, 800), event(5, true, 100)...), true, 0)
	d.Put(1000, event(6, true, 800), false, 0) // another digit with the same timestamp
	assert.Equal(t, "4", text(drain(&d, 0, time.Second)))
}

func TestDecoder_FlashIgnored(t *testing.T) {
	var d Decoder
	d.Put(1000, event(1, false, 160), true, 0)
	d.Put(1500, event(16, true, 400), true, 20*ms)
	d.Put(1000, event(1, true, 800), false, 40*ms)
	assert.Equal(t, "1", text(drain(&d, 40*ms, time.Second)))
}

func TestDecoder_LongPressIsOne_RFC4733_2_5_1_3(t *testing.T) {
	for name, lost := range map[string]func(i int, p *sent) bool{
		"nothing lost":             func(int, *sent) bool { return false },
		"ends lost":                func(_ int, p *sent) bool { return p.end },
		"last of a segment lost":   func(_ int, p *sent) bool { return p.duration > 65000 },
		"first of a segment lost":  func(_ int, p *sent) bool { return p.duration < 480 && !p.marker },
		"every second packet lost": func(i int, _ *sent) bool { return i%2 == 1 },
	} {
		var e Encoder
		var d Decoder
		now := uint32(0xFFFF8000)
		require.NoError(t, e.Queue("5", 30*time.Second, 0))
		var got []Digit
		at := time.Duration(0)
		for i, p := range pull(&e, &now, 160, 1700) {
			at += 20 * ms
			if p != nil && !lost(i, p) {
				d.Put(p.ts, event(p.event, p.end, uint16(p.duration)), p.marker, at)
			}
			if digit, ok := d.Tick(at); ok {
				got = append(got, digit)
			}
		}
		require.Equal(t, "5", text(got), name)
		assert.InDelta(t, 30, got[0].Duration.Seconds(), 0.1, name)
	}
}

func TestDecoder_ResetReportsTheKeyThatIsDown(t *testing.T) {
	var d Decoder
	d.Put(1000, event(1, false, 160), true, 0)
	d.Reset()
	d.Put(1000, event(2, true, 160), true, 10*ms)
	assert.Equal(t, "12", text(drain(&d, 10*ms, 100*ms)))
}

func TestDecoder_FloodIsBounded(t *testing.T) {
	var d Decoder
	for i := range uint32(1000) {
		d.Put(i*1000, event(1, true, 100), true, 0)
	}
	assert.Len(t, drain(&d, 0, time.Minute), maxReady)
}

// What is pressed is what is heard, once each and in order, whatever is lost as
// long as one packet of each digit comes through.
func TestRoundTrip_UnderLossDuplicationAndReordering(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringOfN(rapid.RuneFrom([]rune(runes)), 1, 12, -1).Draw(t, "digits")
		ptime := rapid.SampledFrom([]int{80, 160, 240, 320, 480}).Draw(t, "ptime")
		on := time.Duration(rapid.IntRange(40, 400).Draw(t, "on")) * ms
		off := time.Duration(rapid.IntRange(60, 200).Draw(t, "off")) * ms
		now := rapid.Uint32().Draw(t, "timestamp")
		var e Encoder
		var d Decoder
		require.NoError(t, e.Queue(digits, on, off))
		var got []Digit
		var held *sent
		heard := map[uint32]bool{}
		at := time.Duration(0)
		put := func(p *sent) { d.Put(p.ts, event(p.event, p.end, uint16(p.duration)), p.marker, at) }
		for range 12 * 800 * 8 / ptime {
			at += time.Duration(ptime) * time.Second / ClockRate
			p := pull(&e, &now, ptime, 1)[0]
			if held != nil {
				put(held)
				held = nil
			}
			if p != nil {
				must := p.end && e.phase == pausing && !heard[p.ts]
				switch fate := rapid.IntRange(0, 9).Draw(t, "fate"); {
				case must || fate > 6:
					put(p)
					heard[p.ts] = true
				case fate == 6:
					put(p)
					put(p)
					heard[p.ts] = true
				case fate == 5:
					held = p
					heard[p.ts] = true
				}
			}
			if digit, ok := d.Tick(at); ok {
				got = append(got, digit)
			}
		}
		got = append(got, drain(&d, at, time.Second)...)
		require.Equal(t, digits, text(got))
	})
}

func FuzzDecoder(f *testing.F) {
	f.Add(uint32(1000), []byte{5, 10, 0, 160}, true, uint32(160), []byte{5, 0x8A, 3, 32})
	f.Add(uint32(0xFFFFFFFF), []byte{16, 10, 0, 160}, false, uint32(0xFFFF), []byte{})
	f.Add(uint32(0), []byte{1, 0xCA, 0xFF, 0xFF, 2, 10, 0, 1}, true, uint32(0xFFFF), []byte{1, 10, 0})
	f.Fuzz(func(t *testing.T, ts uint32, a []byte, marker bool, step uint32, b []byte) {
		var d Decoder
		at := time.Duration(0)
		pressed := 0
		for i := range uint32(20) {
			at += 20 * ms
			payload := a
			if i%2 == 1 {
				payload = b
			}
			d.Put(ts+i*step, payload, marker, at)
			if digit, ok := d.Tick(at); ok {
				pressed++
				if !strings.ContainsRune(runes, digit.Rune) || digit.Duration < 0 {
					t.Fatalf("impossible digit %+v", digit)
				}
			}
		}
		if pressed += len(drain(&d, at, time.Second)); pressed > 20 {
			t.Fatalf("%d digits of 20 packets", pressed)
		}
	})
}

func TestAllocations(t *testing.T) {
	var e Encoder
	var d Decoder
	require.NoError(t, e.Queue(strings.Repeat("123A", 50), 40*ms, 40*ms))
	now, at := uint32(0), time.Duration(0)
	allocs := testing.AllocsPerRun(2000, func() {
		payload, ts, marker, ok := e.Next(now, 160)
		now += 160
		at += 20 * ms
		if ok {
			d.Put(ts, payload[:], marker, at)
		}
		d.Tick(at)
	})
	assert.Zero(t, allocs)
}

func BenchmarkEncoder(b *testing.B) {
	var e Encoder
	b.ReportAllocs()
	now := uint32(0)
	for b.Loop() {
		if !e.Active() {
			_ = e.Queue("5", 0, 0)
		}
		e.Next(now, 160)
		now += 160
	}
}

func BenchmarkDecoder(b *testing.B) {
	var d Decoder
	b.ReportAllocs()
	payload := event(5, false, 160)
	ts, at := uint32(0), time.Duration(0)
	for i := 0; b.Loop(); i++ {
		if i%8 == 0 {
			ts += 2000
		}
		at += 20 * ms
		d.Put(ts, payload, false, at)
		d.Tick(at)
	}
}
