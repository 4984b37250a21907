package media

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStepper(t *testing.T) {
	const ms = time.Millisecond
	var s stepper
	require.Equal(t, 1, s.advance(100, 1003*ms)) // the first tick, 3 ms late as it turns out
	assert.Equal(t, 1003*ms, s.at(0))
	assert.Equal(t, 1, s.advance(101, 1010*ms))
	assert.Equal(t, 1010*ms, s.at(0), "the earliest schedule seen")
	assert.Equal(t, 1, s.advance(102, 1025*ms))
	assert.Equal(t, 1020*ms, s.at(0), "a late tick keeps its time")
	assert.Equal(t, 5, s.advance(107, 1070*ms))
	assert.Equal(t, 1030*ms, s.at(-4))
	assert.EqualValues(t, 7, s.index)

	assert.Equal(t, 1, s.advance(3, 1081*ms), "another Pacer, counting from elsewhere")
	assert.EqualValues(t, 8, s.index)
	assert.Equal(t, 1, s.advance(1_000_000, 1090*ms), "and one far ahead")
	assert.EqualValues(t, 9, s.index)
	assert.Equal(t, 1090*ms, s.at(0))

	assert.Equal(t, 1, s.advance(1_360_000, time.Hour+1090*ms), "asleep for an hour")
	assert.EqualValues(t, 360_009, s.index)
	assert.Equal(t, time.Hour+1090*ms, s.at(0))

	assert.Equal(t, 1, s.advance(1_360_001, time.Hour+1400*ms), "the schedule is another one")
	assert.Equal(t, time.Hour+1400*ms, s.at(0))
}

// After a stall the sound received goes on without a hole in the recording.
func TestSession_StallKeepsTheSinkInTime(t *testing.T) {
	step, a, b := newLoop(t, 0, nil)
	e := &ear{}
	a.SetSink(e)
	b.SetSource(&noise{seed: 5})
	for range 100 {
		step()
	}
	n, now := uint64(100), a.clock()
	a.clock = func() time.Duration { return now }
	b.clock = a.clock
	a.socket.rtp.fast.(*loop).clock = a.clock
	b.socket.rtp.fast.(*loop).clock = a.clock
	for i := range 200 {
		n++
		now += frameTime
		b.Tick(n)
		if i%7 == 6 { // a is ticked every 70 ms only
			a.Tick(n)
		}
	}
	heard := e.heard()
	assert.InDelta(t, 300*frameSize, len(heard), 7*frameSize)
	assert.Positive(t, find(heard, coded(5, 4000, 18000)), "nothing is missing or made up")
}
