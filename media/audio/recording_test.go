package audio

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// readSides reads a recording of any number of channels by hand, as its header
// describes it.
func readSides(t require.TestingT, path string) (rate int, sides [][]int16) {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	le := binary.LittleEndian
	require.Equal(t, "RIFF", string(data[:4]))
	require.Equal(t, "WAVEfmt ", string(data[8:16]))
	channels := int(le.Uint16(data[22:]))
	rate = int(le.Uint32(data[24:]))
	require.EqualValues(t, rate*channels*2, le.Uint32(data[28:]), "octets a second")
	require.EqualValues(t, channels*2, le.Uint16(data[32:]), "octets a sample of all channels")
	size := int(le.Uint32(data[40:]))
	require.EqualValues(t, size+36, le.Uint32(data[4:]))
	require.LessOrEqual(t, size+headerSize, len(data))
	require.Zero(t, size%(2*channels))
	sides = make([][]int16, channels)
	for i := headerSize; i < headerSize+size; i += 2 {
		c := (i - headerSize) / 2 % channels
		sides[c] = append(sides[c], int16(le.Uint16(data[i:])))
	}
	return rate, sides
}

func TestRecording_StereoAndMix(t *testing.T) {
	local, remote := wave(8000, 8000, 440, 20000), wave(8000, 8000, 1000, 20000)
	for _, mode := range []Recording{Heard, Mixed, Stereo} {
		path := filepath.Join(t.TempDir(), "call.wav")
		r, err := CreateRecording(path, 8000, mode)
		require.NoError(t, err)
		for i := 0; i < len(local); i += 80 {
			r.WriteFrames(&Frame{8000, local[i : i+80]}, &Frame{8000, remote[i : i+80]})
		}
		r.WriteFrames(nil, nil) // silence on both sides
		r.WriteFrame(numbered(8000, 7))
		assert.Equal(t, 1020*time.Millisecond, r.Duration())
		require.NoError(t, r.Close())
		rate, sides := readSides(t, path)
		assert.Equal(t, 8000, rate)
		require.Len(t, sides[0], 8160)
		tail := append(make([]int16, 80), numbered(8000, 7).Samples...)
		switch mode {
		case Heard:
			require.Len(t, sides, 1)
			assert.Equal(t, append(append([]int16(nil), remote...), tail...), sides[0])
		case Mixed:
			require.Len(t, sides, 1)
			for i := range local {
				if sides[0][i] != saturate(int32(local[i])+int32(remote[i])) {
					t.Fatalf("sample %d", i)
				}
			}
			assert.Equal(t, tail, sides[0][8000:])
		case Stereo:
			require.Len(t, sides, 2)
			assert.Equal(t, append(append([]int16(nil), local...), make([]int16, 160)...), sides[0], "this side is left")
			assert.Equal(t, append(append([]int16(nil), remote...), tail...), sides[1], "the other one is right")
		}
	}
}

// TestRecording_StaysInStep: whatever is written, dropped or of another rate, both
// sides are as long as the time that passed, and what is there is in its place.
func TestRecording_StaysInStep(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(dir, "x.wav")
		r, err := newRecorder(path, 8000, Stereo)
		require.NoError(t, err)
		total := 0
		for range rapid.IntRange(1, 4).Draw(t, "bursts") {
			n := rapid.IntRange(1, 400).Draw(t, "frames") // 256 fit
			for range n {
				v := int16(total%30000 + 1)
				r.WriteFrames(numbered(8000, v), numbered(8000, -v))
				total++
			}
			r.drain()
		}
		go r.run()
		require.NoError(t, r.Close())
		rate, sides := readSides(t, path)
		require.Equal(t, 8000, rate)
		require.Len(t, sides[0], 80*total)
		require.Len(t, sides[1], 80*total)
		lost := uint64(0)
		for i := 0; i < len(sides[0]); i += 80 {
			want := int16(i/80%30000 + 1)
			if sides[0][i] == 0 && sides[1][i] == 0 {
				lost++
				continue
			}
			require.Equal(t, want, sides[0][i])
			require.Equal(t, -want, sides[1][i])
		}
		require.Equal(t, r.Dropped(), lost)
	})
}

func TestRecording_OtherRates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	r, err := CreateRecording(path, 16000, Stereo)
	require.NoError(t, err)
	a, b := wave(8000, 8000, 500, 9000), wave(16000, 16000, 800, 9000)
	for i := range 100 {
		r.WriteFrames(&Frame{8000, a[80*i : 80*i+80]}, &Frame{16000, b[160*i : 160*i+160]})
	}
	require.NoError(t, r.Close())
	rate, sides := readSides(t, path)
	require.Equal(t, 16000, rate)
	assert.InDelta(t, 0, levelAt(sides[0][1600:], 16000, 500, 9000), 0.05)
	assert.InDelta(t, 0, levelAt(sides[1][1600:], 16000, 800, 9000), 0.05)
}

func TestRecording_NeitherBlocksNorAllocates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	r, err := newRecorder(path, 8000, Stereo) // nobody empties the ring
	require.NoError(t, err)
	f := NewFrame(8000)
	assert.Zero(t, testing.AllocsPerRun(1000, func() { r.WriteFrames(f, f) }))
	assert.NotZero(t, r.Dropped())
	go r.run()
	require.NoError(t, r.Close())
}

func TestParseRecording(t *testing.T) {
	for _, m := range []Recording{Heard, Mixed, Stereo} {
		got, err := ParseRecording(m.String())
		require.NoError(t, err)
		assert.Equal(t, m, got)
	}
	_, err := ParseRecording("both")
	assert.ErrorContains(t, err, "heard, mix and stereo")
	assert.Equal(t, "Recording(9)", Recording(9).String())
}

// TestRecording_HeaderEverySecond: the file says how much it holds, at most a
// second late.
func TestRecording_HeaderEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.wav")
		r, err := CreateRecording(path, 8000, Stereo)
		require.NoError(t, err)
		f := numbered(8000, 1000)
		tick := time.NewTicker(FrameTime)
		defer tick.Stop()
		for i := range 500 {
			r.WriteFrames(f, f)
			<-tick.C
			if i%50 == 49 {
				synctest.Wait()
				_, sides := readSides(t, path)
				behind := time.Duration(i+1)*FrameTime - duration(int64(len(sides[0])), 8000)
				require.LessOrEqual(t, behind, headerPeriod+recorderPeriod)
			}
		}
		require.NoError(t, r.Close())
	})
}

// TestRecording_ValidAfterSIGKILL records in a child process that is killed in
// the middle: what is left is a valid file with all but the last moment.
func TestRecording_ValidAfterSIGKILL(t *testing.T) {
	for _, mode := range []Recording{Heard, Mixed, Stereo} {
		path := filepath.Join(t.TempDir(), "killed.wav")
		child := exec.Command(os.Args[0], "-test.run=^TestRecording_Child$", "-test.timeout=60s", "--", childMark, path, mode.String())
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		written := ""
		for lines := bufio.NewScanner(out); lines.Scan(); { // one line for each second of sound in the file
			if written = lines.Text(); written == "frames 500" {
				break
			}
		}
		require.Equal(t, "frames 500", written, "the child recorded")
		require.NoError(t, child.Process.Kill()) // SIGKILL
		_, _ = io.Copy(io.Discard, out)
		require.Error(t, child.Wait())

		rate, sides := readSides(t, path)
		assert.Equal(t, 8000, rate)
		assert.GreaterOrEqual(t, len(sides[0]), 500*80)
		for i, v := range sides[len(sides)-1][:500*80] {
			if v != childSample(i/80) {
				t.Fatalf("%v: sample %d is %d", mode, i, v)
			}
		}
		if mode != Stereo {
			w, err := OpenWAV(path)
			require.NoError(t, err)
			assert.Empty(t, w.Note(), "no complaint about the file")
		}
	}
}

const childMark = "record-until-killed"

func childSample(frame int) int16 { return int16(frame%math.MaxInt16 + 1) }

// TestRecording_Child is what TestRecording_ValidAfterSIGKILL runs as a process
// of its own: it records at many times the pace of a call, until it is killed.
func TestRecording_Child(t *testing.T) {
	if flag.NArg() != 3 || flag.Arg(0) != childMark {
		return // run as a test, there is nothing to do
	}
	mode, err := ParseRecording(flag.Arg(2))
	require.NoError(t, err)
	r, err := newRecorder(flag.Arg(1), 8000, mode)
	require.NoError(t, err)
	r.every = time.Millisecond
	go r.run()
	silence := NewFrame(8000)
	told, n := 0, 0
	for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
		if r.head.Load()-r.tail.Load() < recorderSlots/2 { // never so fast that frames are dropped
			for range 20 {
				r.WriteFrames(silence, numbered(8000, childSample(n)))
				n++
			}
		}
		_, sides := readSides(t, flag.Arg(1))
		for ; told+100 <= len(sides[0])/80; told += 100 {
			fmt.Println(strings.TrimSpace(fmt.Sprintf("frames %d", told+100)))
		}
	}
}
