package audio

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbered is a frame whose samples all carry one value.
func numbered(rate int, value int16) *Frame {
	f := NewFrame(rate)
	for i := range f.Samples {
		f.Samples[i] = value
	}
	return f
}

func TestRecorder_WritesWhatItWasGiven(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heard.wav")
	r, err := CreateWAV(path, 8000)
	require.NoError(t, err)
	x := wave(8000, 8000, 440, 10000)
	for i := 0; i < len(x); i += 80 {
		r.WriteFrame(&Frame{Rate: 8000, Samples: x[i : i+80]})
	}
	assert.Equal(t, time.Second, r.Duration())
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	r.WriteFrame(numbered(8000, 1)) // ignored
	w, err := OpenWAV(path)
	require.NoError(t, err)
	assert.Empty(t, w.Note())
	assert.Equal(t, 8000, w.Rate())
	assert.Equal(t, x, w.Samples())
	assert.Zero(t, r.Dropped())
	assert.Equal(t, path, r.Path())

	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "recordings hold private speech")
}

func TestRecorder_ReplacesAFileAndItsMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heard.wav")
	require.NoError(t, os.WriteFile(path, make([]byte, 5000), 0o644))
	r, err := CreateWAV(path, 16000)
	require.NoError(t, err)
	r.WriteFrame(numbered(16000, 5))
	require.NoError(t, r.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	assert.EqualValues(t, headerSize+320, info.Size())
}

func TestRecorder_ResamplesOtherFrames(t *testing.T) {
	for _, c := range []struct{ frames, file int }{{8000, 16000}, {16000, 8000}} {
		path := filepath.Join(t.TempDir(), "heard.wav")
		r, err := CreateWAV(path, c.file)
		require.NoError(t, err)
		x := wave(c.frames, c.frames, 1000, 10000)
		for i := 0; i < len(x); i += c.frames / 100 {
			r.WriteFrame(&Frame{Rate: c.frames, Samples: x[i : i+c.frames/100]})
		}
		require.NoError(t, r.Close())
		w, err := OpenWAV(path)
		require.NoError(t, err)
		require.Len(t, w.Samples(), c.file)
		assert.InDelta(t, 0, levelAt(w.Samples()[c.file/10:], c.file, 1000, 10000), 0.05)
	}
}

func TestRecorder_ValidAfterAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "heard.wav")
		r, err := CreateWAV(path, 8000)
		require.NoError(t, err)
		f := numbered(8000, 1000)
		for range 350 {
			r.WriteFrame(f)
			time.Sleep(FrameTime)
		}
		synctest.Wait()
		copied, err := os.ReadFile(path) // what a kill would leave behind
		require.NoError(t, err)
		require.NoError(t, r.Close())

		left := filepath.Join(t.TempDir(), "left.wav")
		require.NoError(t, os.WriteFile(left, copied, 0o600))
		w, err := OpenWAV(left)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, w.Duration(), 2500*time.Millisecond)
		assert.Empty(t, w.Note())
	})
}

// TestRecorder_DropsKeepTheTime fills the ring before the writer runs: what
// found no room is silence of the same length, and what comes later is in its
// place.
func TestRecorder_DropsKeepTheTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heard.wav")
	r, err := newRecorder(path, 8000, Heard)
	require.NoError(t, err)
	for i := range recorderSlots + 44 {
		r.WriteFrame(numbered(8000, int16(i+1)))
	}
	assert.EqualValues(t, 44, r.Dropped())
	r.drain()
	r.WriteFrame(numbered(8000, 7777))
	r.WriteFrame(&Frame{Rate: 48000, Samples: make([]int16, 480)})
	assert.EqualValues(t, 45, r.Dropped(), "a frame too long for the ring")
	go r.run()
	require.NoError(t, r.Close())
	w, err := OpenWAV(path)
	require.NoError(t, err)
	require.Len(t, w.Samples(), (recorderSlots+46)*80)
	for i, v := range w.Samples() {
		want := int16(i/80 + 1)
		switch frame := i / 80; {
		case frame == recorderSlots+44:
			want = 7777
		case frame >= recorderSlots:
			want = 0
		}
		require.Equal(t, want, v, i)
	}
}

func TestRecorder_WriteFrameNeitherBlocksNorAllocates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heard.wav")
	r, err := newRecorder(path, 8000, Heard) // nobody empties the ring
	require.NoError(t, err)
	narrow, wide := NewFrame(8000), NewFrame(16000)
	assert.Zero(t, testing.AllocsPerRun(1000, func() { r.WriteFrame(narrow); r.WriteFrame(wide) }))
	assert.NotZero(t, r.Dropped())
	go r.run()
	require.NoError(t, r.Close())
}

func TestRecorder_Errors(t *testing.T) {
	_, err := CreateWAV(filepath.Join(t.TempDir(), "no", "such", "dir.wav"), 8000)
	assert.ErrorContains(t, err, "cannot create the recording")
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = CreateWAV(filepath.Join(t.TempDir(), "x.wav"), 44100)
	assert.ErrorContains(t, err, "8000 or 16000 Hz")
}

func TestRecorder_StopsAtTheLargestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heard.wav")
	r, err := newRecorder(path, 8000, Heard)
	require.NoError(t, err)
	r.limit = 100 * 160
	f := numbered(8000, 3)
	for range 250 {
		r.WriteFrame(f)
	}
	go r.run()
	err = r.Close()
	require.ErrorContains(t, err, "cannot be larger than 4 GiB")
	assert.ErrorContains(t, err, path)
	assert.Equal(t, err, r.Err())
	assert.ErrorContains(t, err, "after 1s")
	w, err := OpenWAV(path)
	require.NoError(t, err)
	assert.Equal(t, time.Second, w.Duration())
	assert.Empty(t, w.Note())
}

func TestRecorder_DiskErrorIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heard.wav")
	r, err := newRecorder(path, 8000, Heard)
	require.NoError(t, err)
	require.NoError(t, r.file.Close()) // as good as a disk that went away
	for range 1000 {
		r.WriteFrame(numbered(8000, 3))
	}
	go r.run()
	assert.ErrorContains(t, r.Close(), "stopped after 0s")
}

func BenchmarkRecorder(b *testing.B) {
	r, err := newRecorder(filepath.Join(b.TempDir(), "x.wav"), 8000, Heard)
	require.NoError(b, err)
	r.limit = 1 << 20 // a benchmark runs for hours of sound; the disk is not measured
	go r.run()
	f := NewFrame(8000)
	b.ReportAllocs()
	for b.Loop() {
		r.WriteFrame(f)
	}
	b.StopTimer()
	_ = r.Close()
}
