package replay

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/g711"
	"github.com/softphone-go/softphone/media/jitter"
)

// speechlike returns n samples of syllables: a gliding tone with overtones that
// comes and goes.
func speechlike(n int) []int16 {
	s := make([]int16, n)
	for i := range s {
		t := float64(i) / clockRate
		phase := 2 * math.Pi * (120*t + 8*math.Sin(2.1*t))
		level := max(0, math.Sin(9*t)+0.3*math.Sin(2*t))
		s[i] = int16(6000 * level * (math.Sin(phase) + 0.5*math.Sin(2*phase) + 0.3*math.Sin(7*phase)))
	}
	return s
}

func loadTrace(t testing.TB, name string) Trace {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "testdata", "traces", name+".txt"))
	require.NoError(t, err)
	defer f.Close()
	trace, err := ParseTrace(f)
	require.NoError(t, err)
	return trace
}

func coded(codec jitter.Payload, speech []int16) []int16 {
	code, out := make([]byte, len(speech)), make([]int16, len(speech))
	if codec == jitter.PCMA {
		g711.EncodePCMA(code, speech)
		g711.DecodePCMA(out, code)
	} else {
		g711.EncodePCMU(code, speech)
		g711.DecodePCMU(out, code)
	}
	return out
}

func TestRun_CleanTraceIsTheCodedSpeechAtOneLag(t *testing.T) {
	trace := loadTrace(t, "clean")
	speech := speechlike(72 * clockRate)
	for _, codec := range []jitter.Payload{jitter.PCMU, jitter.PCMA} {
		heard, report := Run(trace, speech, Options{Codec: codec})
		want := coded(codec, speech)
		const settled = 10 * clockRate // the delay falls from its first value in a pause before
		lag := int(math.Round(report.P95DelayMS * perMS))
		found := -1
		for try := lag - 8; try <= lag+8; try++ { // the report is rounded
			if equal(heard[settled+try:settled+try+clockRate], want[settled:settled+clockRate]) {
				found = try
				break
			}
		}
		require.GreaterOrEqual(t, found, 0, "%v: no lag near %v ms", codec, report.P95DelayMS)
		require.True(t, equal(heard[settled+found:found+len(want)], want[settled:]), "%v: not the same lag after 10 s", codec)
		assert.Less(t, report.MeanDelayMS, 35.0)
		assert.LessOrEqual(t, report.CompressedMS, 40.0)
		assert.Equal(t, Report{Received: 3600, CompressedMS: report.CompressedMS, MeanDelayMS: report.MeanDelayMS, P95DelayMS: report.P95DelayMS, MOS: 4.41}, report)
	}
}

func equal(a, b []int16) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

func TestRun_EveryTrace(t *testing.T) {
	speech := speechlike(72 * clockRate)
	for name, want := range map[string]struct {
		received, lost uint64
		delay, mos     float64
	}{
		"clean":     {3600, 0, 35, 4.4},
		"uniform40": {3600, 0, 75, 4.4},
		"wifi":      {3590, 10, 125, 4.0},
		"lte":       {3588, 12, 180, 3.8},
		"loss5":     {3430, 170, 90, 3.7},
		"burst":     {3407, 193, 90, 3.6},
		"step":      {3600, 0, 125, 4.2},
		"drift":     {3600, 0, 64, 4.3},
		"bloat":     {3600, 0, 260, 3.5},
		"reorder":   {3600, 0, 60, 4.1},
	} {
		trace := loadTrace(t, name)
		heard, r := Run(trace, speech, Options{})
		assert.Equal(t, want.received, r.Received, name)
		assert.Equal(t, want.lost, r.Lost, name)
		assert.Zero(t, r.Duplicate, name)
		assert.Less(t, r.MeanDelayMS, want.delay, name)
		assert.GreaterOrEqual(t, r.P95DelayMS, r.MeanDelayMS-10, name)
		assert.GreaterOrEqual(t, r.MOS, want.mos, "%s: %+v", name, r)
		last := trace[len(trace)-1].Arrived
		assert.GreaterOrEqual(t, time.Duration(len(heard))*time.Second/clockRate, last+time.Second, name)
		assert.Less(t, r.ConcealedMS, 5000.0, name)
		// The engine must never fall silent: every second has sound.
		for n := clockRate; n+clockRate < 72*clockRate; n += clockRate {
			loud := 0
			for _, v := range heard[n : n+clockRate] {
				if v > 500 || v < -500 {
					loud++
				}
			}
			require.Greater(t, loud, 800, "%s: silent at %d s", name, n/clockRate)
		}
	}
}

func TestRun_CountsLateAndDuplicate(t *testing.T) {
	var trace Trace
	for i := range 100 {
		sent := time.Duration(i) * packetTime
		trace = append(trace, Packet{SequenceNumber: i, Sent: sent, Arrived: sent + 20*time.Millisecond})
	}
	trace[50].Arrived += 200 * time.Millisecond
	trace[60].Lost = true
	twice := trace[70]
	twice.Arrived += 5 * time.Millisecond
	heard, r := Run(append(trace, twice), speechlike(clockRate), Options{Jitter: jitter.Config{Fixed: true}})
	assert.Equal(t, uint64(100), r.Received)
	assert.Equal(t, uint64(1), r.Lost)
	assert.Equal(t, uint64(1), r.Late)
	assert.Equal(t, uint64(1), r.Duplicate)
	assert.Equal(t, 40.0, r.ConcealedMS)
	assert.InDelta(t, 60, r.MeanDelayMS, 0.1)
	assert.Less(t, r.MOS, 4.41)
	for _, v := range heard[9000:] { // the speech was shorter than the trace
		require.InDelta(t, 0, v, 8)
	}
}

func TestRun_OtherNumbering(t *testing.T) {
	// A capture that starts anywhere, wraps no number, pauses, and whose send times
	// carry the sender's scheduling.
	var trace Trace
	for i := range 200 {
		sent := 3*time.Second + time.Duration(i)*packetTime + time.Duration(i%5)*time.Millisecond
		if i >= 100 {
			sent += 700 * time.Millisecond
		}
		trace = append(trace, Packet{SequenceNumber: 64000 + i, Sent: sent, Arrived: sent + 10*time.Millisecond})
	}
	speech := speechlike(12 * clockRate)
	heard, r := Run(trace, speech, Options{Jitter: jitter.Config{Fixed: true}})
	assert.Zero(t, r.Lost+r.Late)
	assert.Zero(t, r.ConcealedMS)
	want := coded(jitter.PCMU, speech)
	lag := 50 * perMS
	assert.True(t, equal(heard[4*clockRate+lag:4*clockRate+lag+4000], want[4*clockRate:4*clockRate+4000]))
}

func TestRun_Empty(t *testing.T) {
	heard, r := Run(nil, speechlike(100), Options{})
	assert.Len(t, heard, clockRate)
	assert.Equal(t, Report{MOS: 1}, r)
	_, r = Run(Trace{{SequenceNumber: 0, Lost: true}}, nil, Options{})
	assert.Equal(t, Report{Lost: 1, MOS: 1}, r)
}

func TestReport_JSON(t *testing.T) {
	out, err := json.Marshal(Report{Received: 1, Lost: 2, Late: 3, Duplicate: 4, ConcealedMS: 5, StretchedMS: 6, CompressedMS: 7, MeanDelayMS: 8.5, P95DelayMS: 9, MOS: 4.1})
	require.NoError(t, err)
	assert.JSONEq(t, `{"packets_received":1,"lost":2,"late":3,"duplicate":4,"concealed_ms":5,"stretched_ms":6,
		"compressed_ms":7,"mean_delay_ms":8.5,"p95_delay_ms":9,"mos":4.1}`, string(out))
}

func TestParseCodec(t *testing.T) {
	for name, want := range map[string]jitter.Payload{"pcmu": jitter.PCMU, "PCMA": jitter.PCMA} {
		got, err := ParseCodec(name)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := ParseCodec("opus")
	assert.ErrorContains(t, err, "use pcmu or pcma")
}

func TestParseTrace(t *testing.T) {
	trace, err := ParseTrace(strings.NewReader("# comment\n0 0.000 15.5\r\n\n 1\t20 -1\n2 40.0 30\n"))
	require.NoError(t, err)
	assert.Equal(t, Trace{
		{SequenceNumber: 0, Sent: 0, Arrived: 15500 * time.Microsecond},
		{SequenceNumber: 1, Sent: 20 * time.Millisecond, Lost: true},
		{SequenceNumber: 2, Sent: 40 * time.Millisecond, Arrived: 30 * time.Millisecond},
	}, trace)
	_, err = ParseTrace(strings.NewReader("\n"))
	require.ErrorIs(t, err, ErrEmptyTrace)
	for text, part := range map[string]string{
		"0 0 1\n1 2":                    "line 2 of the trace: 2 columns",
		"x 0 1":                         `sequence number "x"`,
		"-1 0 1":                        "sequence number",
		"99999999999999999999 0 1":      "sequence number",
		"0 -5 1":                        "send time",
		"0 1e300 1":                     "send time",
		"0 0 NaN":                       "arrival time",
		"0 0 Inf":                       "arrival time",
		strings.Repeat("1", 70000):      "cannot be read",
		"0 0 1\n" + "0 0 1 2 3 4 5 6 7": "9 columns",
	} {
		_, err := ParseTrace(strings.NewReader(text))
		assert.ErrorContains(t, err, part)
	}
}

func FuzzParseTrace(f *testing.F) {
	f.Add("0 0.000 15.921\n1 20.000 -1\n")
	f.Add("# x\n\n5 1e3 NaN")
	f.Add("2147483647 21600000 21600000")
	f.Fuzz(func(t *testing.T, text string) {
		trace, err := ParseTrace(strings.NewReader(text))
		if err == nil && len(trace) == 0 {
			t.Fatal("neither packets nor an error")
		}
		long := slices.ContainsFunc(trace, func(p Packet) bool { return p.Arrived > time.Minute })
		if len(trace) > 0 && len(trace) < 100 && !long {
			heard, report := Run(trace, []int16{1, 2, 3}, Options{Codec: jitter.PCMA})
			if len(heard)%jitter.FrameSize != 0 || !(report.MOS >= 1 && report.MOS <= 4.5) {
				t.Fatalf("%d samples, %+v", len(heard), report)
			}
		}
	})
}

func BenchmarkRun(b *testing.B) {
	trace, speech := loadTrace(b, "wifi"), speechlike(72*clockRate)
	b.ReportAllocs()
	for b.Loop() {
		Run(trace, speech, Options{})
	}
}
