package dtmf_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/dtmf"
	"github.com/softphone-go/softphone/media/g711"
)

const (
	ms     = time.Millisecond
	keypad = "123A456B789C*0#D"
)

// law is what sound goes through on its way.
type law int

const (
	linear law = iota
	pcmu
	pcma
)

func (l law) String() string { return [...]string{"linear", "PCMU", "PCMA"}[l] }

func (l law) carry(x []int16) {
	code := make([]byte, len(x))
	switch l {
	case pcmu:
		g711.EncodePCMU(code, x)
		g711.DecodePCMU(x, code)
	case pcma:
		g711.EncodePCMA(code, x)
		g711.DecodePCMA(x, code)
	case linear:
	}
}

// peak is the amplitude of a sine of so many dBm0.
func peak(level float64) float64 { return math.MaxInt16 * math.Pow(10, (level-3.17)/20) }

// pad is a keypad that may be out of tune.
type pad struct {
	on, off           time.Duration
	offLow, offHigh   float64 // 0.015: 1.5 % too high
	level             float64 // dBm0 of the stronger tone
	twist             float64 // dB that the high tone is stronger
	snr               float64 // dB of both tones over white noise; 0: none
	law               law
	lead              int // samples before the first key
	harmonic, flutter float64
}

// press gives the sound of keys pressed one after the other, and where each begins.
func (p pad) press(keys string, random *rand.Rand) (x []int16, starts []time.Duration) {
	low, high := p.level, p.level+p.twist
	if p.twist > 0 {
		low, high = p.level-p.twist, p.level
	}
	lows, highs := [...]float64{697, 770, 852, 941}, [...]float64{1209, 1336, 1477, 1633}
	on, off := int(p.on*8000/time.Second), int(p.off*8000/time.Second)
	y := make([]float64, p.lead)
	for _, key := range keys {
		k := bytes.IndexByte([]byte(keypad), byte(key))
		starts = append(starts, time.Duration(len(y))*time.Second/8000)
		w1 := 2 * math.Pi * lows[k/4] * (1 + p.offLow) / 8000
		w2 := 2 * math.Pi * highs[k%4] * (1 + p.offHigh) / 8000
		p1, p2 := 2*math.Pi*random.Float64(), 2*math.Pi*random.Float64()
		for i := range on {
			t := float64(i)
			v := peak(low)*math.Sin(p1+w1*t) + peak(high)*math.Sin(p2+w2*t)
			v += p.harmonic * (peak(low)*math.Sin(2*w1*t) + peak(high)*math.Sin(2*w2*t))
			v *= 1 + p.flutter*math.Sin(2*math.Pi*30*t/8000)
			y = append(y, v)
		}
		y = append(y, make([]float64, off)...)
	}
	y = append(y, make([]float64, 800)...)
	deviation := 0.0
	if p.snr != 0 {
		deviation = math.Sqrt((peak(low)*peak(low) + peak(high)*peak(high)) / 2 * math.Pow(10, -p.snr/10))
	}
	x = make([]int16, len(y))
	for i, v := range y {
		if deviation > 0 {
			v += deviation * random.NormFloat64()
		}
		x[i] = int16(math.Round(min(max(v, math.MinInt16), math.MaxInt16)))
	}
	p.law.carry(x)
	return x, starts
}

// hear gives x to a detector in pieces of 10 ms, the first at the time at.
func hear(d *dtmf.Detector, x []int16, at time.Duration) (digits []dtmf.Digit) {
	for i := 0; i < len(x); i += 80 {
		d.Put(x[i:min(i+80, len(x))], at+time.Duration(i)*time.Second/8000)
		for {
			digit, ok := d.Next()
			if !ok {
				break
			}
			digits = append(digits, digit)
		}
	}
	return digits
}

func keysOf(digits []dtmf.Digit) string {
	s := ""
	for _, d := range digits {
		s += string(d.Rune)
	}
	return s
}

// TestDetector_EveryKey_Q24: all sixteen, at every corner of the limits, in noise
// 15 dB below, through both laws.
func TestDetector_EveryKey_Q24(t *testing.T) {
	random := rand.New(rand.NewPCG(24, 23))
	for _, length := range []time.Duration{40 * ms, 50 * ms} {
		for _, l := range []law{linear, pcmu, pcma} {
			for _, off := range [][2]float64{{0, 0}, {0.015, 0.015}, {-0.015, -0.015}, {0.015, -0.015}, {-0.015, 0.015}} {
				for _, twist := range []float64{-8, 4} {
					for _, level := range []float64{0, -30} {
						p := pad{on: length, off: length, offLow: off[0], offHigh: off[1], level: level, twist: twist, snr: 15, law: l, lead: 240 + random.IntN(160)}
						x, starts := p.press(keypad, random)
						digits := hear(dtmf.NewDetector(), x, time.Second)
						require.Equal(t, keypad, keysOf(digits), "%+v", p)
						for i, d := range digits {
							require.InDelta(t, (time.Second + starts[i]).Seconds(), d.Start.Seconds(), 0.008, "%+v", p)
							require.InDelta(t, length.Seconds(), d.Duration.Seconds(), 0.010, "%+v", p)
						}
					}
				}
			}
		}
	}
}

// TestDetector_OutsideTheLimits_Q24: what is none of a keypad's is not heard.
func TestDetector_OutsideTheLimits_Q24(t *testing.T) {
	good := pad{on: 60 * ms, off: 60 * ms, level: -10, lead: 333}
	for name, change := range map[string]func(*pad){
		"low tone 3.5 % high":       func(p *pad) { p.offLow = 0.035 },
		"low tone 3.5 % low":        func(p *pad) { p.offLow = -0.035 },
		"high tone 3.5 % high":      func(p *pad) { p.offHigh = 0.035 },
		"high tone 3.5 % low":       func(p *pad) { p.offHigh = -0.035 },
		"high tone 9 dB stronger":   func(p *pad) { p.twist = 9 },
		"low tone 13 dB stronger":   func(p *pad) { p.twist = -13 },
		"20 ms, too short":          func(p *pad) { p.on = 20 * ms },
		"-45 dBm0":                  func(p *pad) { p.level = -45 },
		"second harmonics at -8 dB": func(p *pad) { p.harmonic = 0.4 },
		"level that flutters":       func(p *pad) { p.flutter = 0.9 },
		"noise as loud":             func(p *pad) { p.snr = 1 },
	} {
		p := good
		change(&p)
		for seed := range uint64(4) {
			x, _ := p.press(keypad, rand.New(rand.NewPCG(seed, 1)))
			assert.Empty(t, keysOf(hear(dtmf.NewDetector(), x, 0)), name)
		}
	}
	x, _ := good.press(keypad, rand.New(rand.NewPCG(1, 1)))
	assert.Equal(t, keypad, keysOf(hear(dtmf.NewDetector(), x, 0)))
}

// TestDetector_PausesAndInterruptions_Q24: 20 ms of silence do not make two of
// one key press, 40 ms do.
func TestDetector_PausesAndInterruptions_Q24(t *testing.T) {
	for phase := range 40 {
		p := pad{on: 60 * ms, off: 20 * ms, level: -10, lead: 200 + phase}
		x, _ := p.press("555", rand.New(rand.NewPCG(1, 1)))
		digits := hear(dtmf.NewDetector(), x, 0)
		require.Equal(t, "5", keysOf(digits), phase)
		require.InDelta(t, 0.220, digits[0].Duration.Seconds(), 0.005)
		p.off = 40 * ms
		x, _ = p.press("555", rand.New(rand.NewPCG(1, 1)))
		require.Equal(t, "555", keysOf(hear(dtmf.NewDetector(), x, 0)), phase)
		p.off = 0 // the next key without any pause
		x, _ = p.press("5A5", rand.New(rand.NewPCG(1, 1)))
		require.Equal(t, "5A5", keysOf(hear(dtmf.NewDetector(), x, 0)), phase)
	}
}

func TestDetector_LongPressIsOne(t *testing.T) {
	p := pad{on: 10 * time.Second, off: 100 * ms, level: -20, snr: 20, law: pcma, lead: 80}
	x, _ := p.press("#", rand.New(rand.NewPCG(3, 1)))
	d := dtmf.NewDetector()
	d.Put(x[:8000], 0)
	assert.True(t, d.Pressed())
	digits := hear(d, x[8000:], time.Second)
	require.Len(t, digits, 1)
	assert.InDelta(t, 10, digits[0].Duration.Seconds(), 0.01)
	assert.InDelta(t, -17, digits[0].Volume, 1, "both tones together")
	assert.False(t, d.Pressed())
}

func TestDetector_Reset(t *testing.T) {
	p := pad{on: 100 * ms, level: -10}
	x, _ := p.press("8", rand.New(rand.NewPCG(3, 1)))
	d := dtmf.NewDetector()
	d.Put(x[:500], 0)
	require.True(t, d.Pressed())
	d.Reset()
	digit, ok := d.Next()
	require.True(t, ok)
	assert.Equal(t, '8', digit.Rune)
	assert.Empty(t, hear(d, make([]int16, 800), time.Second))
}

func TestDetector_QueueIsBounded(t *testing.T) {
	p := pad{on: 50 * ms, off: 50 * ms, level: -10}
	d := dtmf.NewDetector()
	for range 3 {
		x, _ := p.press(keypad, rand.New(rand.NewPCG(3, 1)))
		d.Put(x, 0) // nobody asks
	}
	assert.EqualValues(t, 16, d.Lost())
	n := 0
	for _, ok := d.Next(); ok; _, ok = d.Next() {
		n++
	}
	assert.Equal(t, 32, n)
}

// TestDetector_RoundTrip: whatever a Generator sends is heard once, in order, in
// pieces of any length.
func TestDetector_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.StringMatching(`[0-9A-D*#]{1,12}`).Draw(t, "keys")
		on := time.Duration(rapid.IntRange(40, 200).Draw(t, "on")) * ms
		off := time.Duration(rapid.IntRange(40, 200).Draw(t, "off")) * ms
		low := rapid.Float64Range(-30, -3).Draw(t, "low")
		g := dtmf.Generator{Low: low, High: low + rapid.Float64Range(-8, 3).Draw(t, "twist")}
		require.NoError(t, g.Queue(keys, on, off))
		x := make([]int16, rapid.IntRange(0, 400).Draw(t, "lead"))
		for g.Active() {
			piece := make([]int16, 80)
			g.Read(piece)
			x = append(x, piece...)
		}
		x = append(x, make([]int16, 800)...)
		rapid.SampledFrom([]law{linear, pcmu, pcma}).Draw(t, "law").carry(x)
		d := dtmf.NewDetector()
		var digits []dtmf.Digit
		for at := 0; at < len(x); {
			n := min(rapid.IntRange(1, 600).Draw(t, "piece"), len(x)-at)
			d.Put(x[at:at+n], time.Duration(at)*time.Second/8000)
			at += n
			for digit, ok := d.Next(); ok; digit, ok = d.Next() {
				digits = append(digits, digit)
			}
		}
		require.Equal(t, keys, keysOf(digits))
		for _, digit := range digits {
			require.InDelta(t, on.Seconds(), digit.Duration.Seconds(), 0.01)
		}
	})
}

// speech is the recordings of testdata.
func speech(t testing.TB) [][]int16 {
	var all [][]int16
	for _, name := range []string{"speech.wav", "speech-a.wav", "speech-b.wav", "early.wav"} {
		w, err := audio.OpenWAV("../../testdata/audio/" + name)
		require.NoError(t, err)
		all = append(all, w.Samples())
	}
	return all
}

// played is x at another speed, and so another voice.
func played(x []int16, speed, gain float64) []int16 {
	y := make([]int16, int(float64(len(x)-1)/speed))
	for i := range y {
		at := float64(i) * speed
		k := int(at)
		v := float64(x[k])*(float64(k)+1-at) + float64(x[k+1])*(at-float64(k))
		y[i] = int16(min(max(v*gain, math.MinInt16), math.MaxInt16))
	}
	return y
}

// TestDetector_NoDigitInHalfAnHourOfSpeech: the recordings at many speeds and
// levels, through every law.
func TestDetector_NoDigitInHalfAnHourOfSpeech(t *testing.T) {
	d := dtmf.NewDetector()
	var at time.Duration
	for i := 0; at < 30*time.Minute; i++ {
		for _, x := range speech(t) {
			y := played(x, 0.6+0.02*float64(i), []float64{1, 0.2, 3}[i%3])
			law(i % 3).carry(y)
			require.Empty(t, hear(d, y, at), "round %d", i)
			at += time.Duration(len(y)) * time.Second / 8000
		}
	}
}

// TestDetector_TalkOff: what comes near to a key press without being one: sung
// vowels whose harmonics meet the tones, whistles, tones of exchanges, noise.
func TestDetector_TalkOff(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	d := dtmf.NewDetector()
	var at time.Duration
	check := func(what string, x []int16) {
		law(random.IntN(3)).carry(x)
		require.Empty(t, hear(d, x, at), what)
		at += time.Duration(len(x)) * time.Second / 8000
	}
	for range 150 {
		check("vowel", vowel(random, time.Second))
	}
	for range 100 {
		check("whistle", whistle(random, time.Second))
	}
	for range 20 {
		x := make([]int16, 8000)
		for i := range x {
			x[i] = int16(4000 * random.NormFloat64())
		}
		check("noise", x)
	}
	for _, f := range [][2]float64{{350, 440}, {440, 480}, {480, 620}, {400, 450}, {425, 425}, {941, 941}, {1633, 1633}, {697, 770}, {1209, 1477}, {1400, 2060}, {1100, 2100}, {697, 1400}} {
		x := make([]int16, 8000)
		for i := range x {
			s := 2 * math.Pi * float64(i) / 8000
			x[i] = int16(6000*math.Sin(f[0]*s) + 6000*math.Sin(f[1]*s))
		}
		check(fmt.Sprint(f, " Hz"), x)
	}
	for _, f := range [][2]float64{{697, 1209}, {941, 1633}} { // a chord of three is no key
		x := make([]int16, 8000)
		for i := range x {
			s := 2 * math.Pi * float64(i) / 8000
			x[i] = int16(5000*math.Sin(f[0]*s) + 5000*math.Sin(f[1]*s) + 3500*math.Sin(440*s))
		}
		check("chord", x)
	}
}

// vowel is a voice of falling or rising pitch with two strong formants, which lie
// where the tones of a key do.
func vowel(random *rand.Rand, length time.Duration) []int16 {
	x := make([]int16, int(length*8000/time.Second))
	pitch := 90 + 260*random.Float64()
	glide := (random.Float64() - 0.5) * 60 // Hz a second
	formants := [2]float64{650 + 350*random.Float64(), 1150 + 550*random.Float64()}
	width := 30 + 60*random.Float64() // half of a formant's at -3 dB
	phase := 0.0
	var harmonics [40]float64
	for k := range harmonics {
		hz := pitch * float64(k+1)
		for _, f := range formants {
			harmonics[k] += 1 / math.Sqrt(1+(hz-f)*(hz-f)/width/width)
		}
		harmonics[k] = (harmonics[k] + 0.12) / float64(k+1) // the source falls by 12 dB an octave, the mouth adds 6
	}
	for i := range x {
		t := float64(i) / 8000
		f := pitch + glide*t + 2*math.Sin(2*math.Pi*5*t)
		phase += 2 * math.Pi * f / 8000
		v := 0.0
		for k := range harmonics {
			if f*float64(k+1) < 3600 {
				v += harmonics[k] * math.Sin(float64(k+1)*phase)
			}
		}
		x[i] = int16(min(max(15000*v, math.MinInt16), math.MaxInt16))
	}
	return x
}

// whistle is two that glide through the tones.
func whistle(random *rand.Rand, length time.Duration) []int16 {
	x := make([]int16, int(length*8000/time.Second))
	a, b := 650+300*random.Float64(), 1150+500*random.Float64()
	da, db := 2000+2000*random.Float64(), 2000+3000*random.Float64() // Hz a second
	var pa, pb float64
	for i := range x {
		t := float64(i) / 8000
		pa += 2 * math.Pi * (a + da*t) / 8000
		pb += 2 * math.Pi * (b + db*t) / 8000
		x[i] = int16(6000*math.Sin(pa) + 6000*math.Sin(pb))
	}
	return x
}

func TestDetector_DoesNotAllocate(t *testing.T) {
	p := pad{on: 50 * ms, off: 50 * ms, level: -10, snr: 15}
	x, _ := p.press(keypad, rand.New(rand.NewPCG(1, 1)))
	d := dtmf.NewDetector()
	i, at := 0, time.Duration(0)
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		d.Put(x[i:i+80], at)
		_, _ = d.Next()
		i, at = (i+80)%(len(x)-80), at+10*ms
	}))
}

func FuzzDetector(f *testing.F) {
	p := pad{on: 50 * ms, off: 50 * ms, level: -10}
	x, _ := p.press("1D", rand.New(rand.NewPCG(1, 1)))
	seed := make([]byte, 2*len(x))
	for i, v := range x {
		seed[2*i], seed[2*i+1] = byte(v), byte(v>>8)
	}
	f.Add(seed, 80)
	f.Add([]byte{0xff, 0x7f, 0, 0x80}, 1)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		piece = 1 + int(uint(piece)%500)
		x := make([]int16, len(data)/2)
		for i := range x {
			x[i] = int16(data[2*i]) | int16(data[2*i+1])<<8
		}
		d := dtmf.NewDetector()
		for i := 0; i < len(x); i += piece {
			d.Put(x[i:min(i+piece, len(x))], time.Duration(i)*time.Second/8000)
			for digit, ok := d.Next(); ok; digit, ok = d.Next() {
				if digit.Duration < 15*ms || digit.Volume > 0 || digit.Volume < -63 {
					t.Fatalf("%+v", digit)
				}
			}
		}
	})
}

func BenchmarkDetector(b *testing.B) {
	talk, err := os.ReadFile("../../testdata/audio/speech-a.wav")
	require.NoError(b, err)
	w, err := audio.DecodeWAV(bytes.NewReader(talk))
	require.NoError(b, err)
	p := pad{on: 100 * ms, off: 100 * ms, level: -10}
	keys, _ := p.press(keypad, rand.New(rand.NewPCG(1, 1)))
	for _, c := range []struct {
		name string
		x    []int16
	}{{"silence", make([]int16, 8000)}, {"speech", w.Samples()}, {"keys", keys}} {
		b.Run(c.name, func(b *testing.B) {
			d := dtmf.NewDetector()
			i, at := 0, time.Duration(0)
			b.ReportAllocs()
			for b.Loop() {
				d.Put(c.x[i:i+80], at)
				_, _ = d.Next()
				i, at = (i+80)%(len(c.x)-80), at+10*ms
			}
		})
	}
}
