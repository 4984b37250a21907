package dtmf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type sent struct {
	ts       uint32
	event    byte
	volume   byte
	end      bool
	marker   bool
	duration int
}

// pull calls Next for n packet times and returns what leaves, nil for audio.
func pull(e *Encoder, now *uint32, ptime, n int) []*sent {
	var out []*sent
	for range n {
		payload, ts, marker, ok := e.Next(*now, ptime)
		*now += uint32(ptime)
		if !ok {
			out = append(out, nil)
			continue
		}
		out = append(out, &sent{ts, payload[0], payload[1] & 0x3F, payload[1]&0x80 != 0, marker, int(payload[2])<<8 | int(payload[3])})
	}
	return out
}

func TestEncoder_OneDigit_RFC4733_2_5_1(t *testing.T) {
	var e Encoder
	now := uint32(1000)
	require.NoError(t, e.Queue("5", 100*time.Millisecond, 50*time.Millisecond))
	require.True(t, e.Active())
	got := pull(&e, &now, 160, 8)
	want := []*sent{
		{1000, 5, 10, false, true, 160},
		{1000, 5, 10, false, false, 320},
		{1000, 5, 10, false, false, 480},
		{1000, 5, 10, false, false, 640},
		{1000, 5, 10, true, false, 800},
		{1000, 5, 10, true, false, 800},
		{1000, 5, 10, true, false, 800},
		nil,
	}
	assert.Equal(t, want, got)
	assert.False(t, e.Active())
}

func TestEncoder_SameDigitTwiceHasAPauseBetween(t *testing.T) {
	for _, ptime := range []int{80, 160, 240, 320, 480} {
		var e Encoder
		now := uint32(0xFFFFFF00) // wraps on the way
		require.NoError(t, e.Queue("11", 100*time.Millisecond, 200*time.Millisecond))
		packets := pull(&e, &now, ptime, 8000/ptime)
		var starts []uint32
		ends := map[uint32]int{}
		for _, p := range packets {
			if p == nil {
				continue
			}
			if p.marker {
				starts = append(starts, p.ts)
			}
			if p.end {
				ends[p.ts]++
				assert.Equal(t, 800, p.duration, "ptime %d", ptime)
			}
		}
		require.Len(t, starts, 2, "ptime %d", ptime)
		pause := int(starts[1]-starts[0]) - 800
		assert.GreaterOrEqual(t, pause, 1600, "ptime %d", ptime)
		assert.LessOrEqual(t, pause, 1600+2*ptime, "ptime %d", ptime)
		assert.Equal(t, map[uint32]int{starts[0]: 3, starts[1]: 3}, ends)
	}
}

func TestEncoder_LongPressIsSplit_RFC4733_2_5_1_3(t *testing.T) {
	var e Encoder
	now := uint32(0xFFFF0000)
	start := now
	require.NoError(t, e.Queue("#", 20*time.Second, 0))
	markers, ends := 0, 0
	segments := map[uint32]int{}
	for _, p := range pull(&e, &now, 160, 1200) {
		if p == nil {
			continue
		}
		if p.marker {
			markers++
		}
		if p.end {
			ends++
		}
		segments[p.ts] = max(segments[p.ts], p.duration)
	}
	assert.Equal(t, 1, markers)
	assert.Equal(t, 3, ends)
	assert.Equal(t, map[uint32]int{start: 65535, start + 65535: 65535, start + 131070: 160000 - 131070}, segments)
}

func TestEncoder_SkippedTicksDoNotShortenTheDigit(t *testing.T) {
	var e Encoder
	require.NoError(t, e.Queue("9", 500*time.Millisecond, 0))
	_, ts, _, ok := e.Next(8000, 160)
	require.True(t, ok)
	payload, ts2, _, ok := e.Next(8000+2400, 160) // 280 ms of ticks were skipped
	require.True(t, ok)
	assert.Equal(t, ts, ts2)
	assert.Equal(t, 2560, int(payload[2])<<8|int(payload[3]))
	payload, _, _, _ = e.Next(8000+80000, 160)
	assert.Equal(t, [4]byte{9, 0x80 | 10, 4000 >> 8, 4000 & 0xFF}, payload)
}

func TestEncoder_Clear(t *testing.T) {
	var e Encoder
	now := uint32(0)
	require.NoError(t, e.Queue("123", time.Second, 0))
	pull(&e, &now, 160, 3)
	e.Clear()
	got := pull(&e, &now, 160, 20)
	for i := range 3 {
		assert.True(t, got[i].end)
		assert.Equal(t, 480, got[i].duration)
	}
	for _, p := range got[3:] {
		assert.Nil(t, p)
	}
	assert.False(t, e.Active())
}

func TestEncoder_AllDigitsAndVolume(t *testing.T) {
	e := Encoder{Volume: 27}
	now := uint32(0)
	require.NoError(t, e.Queue("0123456789*#ABCDabcd", 40*time.Millisecond, 40*time.Millisecond))
	var events []byte
	for _, p := range pull(&e, &now, 160, 300) {
		if p != nil && p.marker {
			events = append(events, p.event)
			assert.Equal(t, byte(27), p.volume)
		}
	}
	assert.Equal(t, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 12, 13, 14, 15}, events)
}

func TestEncoder_QueueRefuses(t *testing.T) {
	var e Encoder
	err := e.Queue("12x4", 0, 0)
	require.ErrorContains(t, err, `'x' at position 3`)
	assert.NotContains(t, err.Error(), "12")
	assert.False(t, e.Active(), "all or nothing")
	require.Error(t, e.Queue("1", -1, 0))
	require.Error(t, e.Queue("1", time.Hour, 0))
	require.Error(t, e.Queue("1", 0, time.Hour))
	long := make([]byte, MaxQueue)
	for i := range long {
		long[i] = '7'
	}
	require.NoError(t, e.Queue(string(long), 0, 0))
	require.ErrorContains(t, e.Queue("1", 0, 0), "at most 256")
}

func TestEncoder_PauseDoesNotOutliveAWrap(t *testing.T) {
	var e Encoder
	now := uint32(0)
	require.NoError(t, e.Queue("1", 0, 0))
	pull(&e, &now, 160, 20)
	require.NoError(t, e.Queue("2", 0, 0))
	_, _, marker, ok := e.Next(now+1<<31, 160) // days of audio in between
	assert.True(t, marker && ok)
}
