package demo

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/audio/measure"
	"github.com/softphone-go/softphone/media/g711"
	speech "github.com/softphone-go/softphone/testdata/audio"
)

const (
	bobHeardAlice = "what Bob heard is not what Alice said"
	aliceHeardBob = "what Alice heard is not what Bob said"
)

// wire is a fault on the way: it sees the speech of both directions.
type wire struct {
	mu    sync.Mutex
	rand  *rand.Rand
	ways  []uint32 // SSRCs in the order they were first seen
	spoil func(w *wire, way int, seq uint16, payload []byte) (drop bool)
}

func (w *wire) fault(p []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p[1]&0x7f != 0 || len(p) < 13 { // PCMU; digits stay what they are
		return false
	}
	ssrc, way := binary.BigEndian.Uint32(p[8:]), -1
	for i, s := range w.ways {
		if s == ssrc {
			way = i
		}
	}
	if way < 0 {
		way = len(w.ways)
		w.ways = append(w.ways, ssrc)
	}
	return w.spoil(w, way, binary.BigEndian.Uint16(p[2:]), p[12:])
}

// TestRun_NoticesBrokenSound runs the demo with a fault between the phones: it
// must fail, and say who did not hear whom.
func TestRun_NoticesBrokenSound(t *testing.T) {
	other := make([]byte, 10*audio.Narrowband)
	otherVoice, err := audio.DecodeWAV(bytes.NewReader(speech.SpeechA))
	require.NoError(t, err)
	g711.EncodePCMU(other, otherVoice.SamplesAt(audio.Narrowband)[:len(other)])

	for name, c := range map[string]struct {
		spoil func(w *wire, way int, seq uint16, payload []byte) bool
		sides int // that cannot have heard well
	}{
		"30 percent dropped": {func(w *wire, _ int, _ uint16, _ []byte) bool {
			return w.rand.IntN(10) < 3
		}, 2},
		"octets randomised": {func(w *wire, _ int, _ uint16, payload []byte) bool {
			for i := range payload {
				payload[i] = byte(w.rand.Uint32())
			}
			return false
		}, 2},
		"another speech": {func(_ *wire, _ int, seq uint16, payload []byte) bool {
			at := int(seq) % (len(other) / len(payload)) * len(payload)
			copy(payload, other[at:])
			return false
		}, 2},
		"silence one way": {func(_ *wire, way int, _ uint16, payload []byte) bool {
			if way == 0 {
				for i := range payload {
					payload[i] = 0xff
				}
			}
			return false
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &wire{rand: rand.New(rand.NewPCG(1, 2)), spoil: c.spoil}
			report, err := Run(t.Context(), Options{Dir: t.TempDir(), Print: func(Step) {}, RTPFault: w.fault})
			require.Len(t, report.Heard, 2, "%v", err)
			require.Error(t, err)
			bad := 0
			for _, h := range report.Heard {
				if says := map[string]string{"Bob": bobHeardAlice, "Alice": aliceHeardBob}[h.Listener]; h.OK {
					assert.NotContains(t, err.Error(), says)
				} else {
					bad++
					assert.ErrorContains(t, err, says)
				}
			}
			assert.GreaterOrEqual(t, bad, c.sides, "%v", err)
			if report.Stall < longStall {
				assert.Equal(t, c.sides, bad, "the other side heard well: %v", err)
			}
			assert.Len(t, w.ways, 2, "the fault saw both directions")
		})
	}
}

// TestJudge_OnlyThisRunsSound puts recordings in place that are nearly right.
func TestJudge_OnlyThisRunsSound(t *testing.T) {
	t.Parallel()
	alice, err := newScript(speech.SpeechA)
	require.NoError(t, err)
	bob, err := newScript(speech.SpeechB)
	require.NoError(t, err)
	changed := func(said []int16, change func([]int16) []int16) []int16 {
		return change(append(make([]int16, 800), said...)) // 100 ms late
	}
	loudest := func(s []int16) int { // start of the loudest 20 ms of the words
		best, at := 0.0, 0
		for i := 800 + measure.MarkerLength; i+measure.Window <= len(s); i += measure.Window {
			e := 0.0
			for _, v := range s[i : i+measure.Window] {
				e += float64(v) * float64(v)
			}
			if e > best {
				best, at = e, i
			}
		}
		return at
	}
	for name, c := range map[string]struct {
		change func([]int16) []int16
		ok     bool
	}{
		"as it was said": {func(s []int16) []int16 { return s }, true},
		"a third as loud": {func(s []int16) []int16 {
			for i := range s {
				s[i] /= 3
			}
			return s
		}, true},
		"the words behind the marker of another run": {func(s []int16) []int16 {
			copy(s[800:], measure.Marker(7))
			return s
		}, false},
		"the words without any marker": {func(s []int16) []int16 {
			clear(s[800 : 800+measure.MarkerLength])
			return s
		}, false},
		"20 ms missing": {func(s []int16) []int16 {
			at := loudest(s)
			clear(s[at : at+measure.Window])
			return s
		}, false},
		"the last second missing": {func(s []int16) []int16 { return s[:len(s)-audio.Narrowband] }, false},
		"the second half 20 ms later": {func(s []int16) []int16 {
			half := len(s) / 2
			return append(append(append([]int16{}, s[:half]...), make([]int16, measure.Window)...), s[half:]...)
		}, false},
		"the other side's own words": {func([]int16) []int16 { return bob }, false},
		"silence":                    {func(s []int16) []int16 { clear(s); return s }, false},
		"nearly nothing":             {func([]int16) []int16 { return make([]int16, 1) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stage{dir: t.TempDir()}
			s.alice, s.bob = recorded(t, s, "Alice", alice, changed(bob, func(s []int16) []int16 { return s })),
				recorded(t, s, "Bob", bob, changed(alice, c.change))
			heard, err := s.judge()
			require.Len(t, heard, 2)
			assert.True(t, heard[1].OK, "Alice heard all: %+v", heard[1])
			assert.Equal(t, c.ok, heard[0].OK, "%+v", heard[0])
			if c.ok {
				require.NoError(t, err)
				assert.InDelta(t, 100, heard[0].DelayMS, 1)
				return
			}
			require.ErrorContains(t, err, bobHeardAlice)
			if name == "20 ms missing" {
				require.Len(t, heard[0].GapsMS, 1)
				assert.InDelta(t, loudest(changed(alice, func(s []int16) []int16 { return s }))/8-100, heard[0].GapsMS[0], 20)
				assert.ErrorContains(t, err, "ms from the start")
			}
			assert.NotContains(t, err.Error(), aliceHeardBob)
		})
	}
}

// recorded is an actor with a recording on disk.
func recorded(t *testing.T, s *stage, name string, script, heard []int16) *actor {
	t.Helper()
	path := filepath.Join(s.dir, name+".wav")
	r, err := audio.CreateWAV(path, audio.Narrowband)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, audio.WriteWAV(path, audio.Narrowband, heard))
	return &actor{stage: s, name: name, script: script, recording: r}
}
