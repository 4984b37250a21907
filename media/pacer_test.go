package media

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type tickFunc func(n uint64)

func (f tickFunc) Tick(n uint64) { f(n) }

func TestPacer_AbsoluteSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(PacerConfig{Workers: 3})
		begin := time.Now()
		time.Sleep(15 * time.Millisecond)
		var ticks atomic.Int64
		p.Add(tickFunc(func(n uint64) {
			ticks.Add(1)
			if got := time.Since(begin); got != time.Duration(n)*frameTime {
				t.Errorf("tick %d at %v", n, got)
			}
			time.Sleep(3 * time.Millisecond) // work does not shift the schedule
		}))
		time.Sleep(10*time.Second - time.Since(begin) + time.Millisecond)
		assert.EqualValues(t, 999, ticks.Load())
		require.NoError(t, p.Close())
		require.NoError(t, p.Close())
		st := p.Stats()
		assert.Equal(t, 1, st.Tickers)
		assert.EqualValues(t, 999, st.Ticks)
		assert.Zero(t, st.Skipped+uint64(st.MaxLate)+uint64(st.P99Late))
	})
}

func TestPacer_SpreadsOverLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(PacerConfig{Workers: 4})
		var removes []func()
		add := func(n int) {
			for range n {
				removes = append(removes, p.Add(tickFunc(func(uint64) {})))
			}
		}
		counts := func(k int) (c []int64) {
			for _, l := range p.lanes[4*k : 4*k+4] {
				c = append(c, l.count.Load())
			}
			return c
		}
		add(40)
		assert.Equal(t, []int64{32, 8, 0, 0}, counts(0))
		time.Sleep(time.Second + laneStep + time.Microsecond)
		assert.EqualValues(t, 4000, p.Stats().Ticks)
		add(1000 - 40)
		for k := range laneSteps {
			assert.Equal(t, []int64{50, 50, 50, 50}, counts(k))
		}
		time.Sleep(time.Second)
		assert.EqualValues(t, 4000+100*1000, p.Stats().Ticks)
		for _, remove := range removes {
			remove()
			remove()
		}
		assert.Zero(t, p.Stats().Tickers)
		time.Sleep(time.Second)
		assert.EqualValues(t, 4000+100*1000, p.Stats().Ticks)
		require.NoError(t, p.Close())
	})
}

func TestPacer_SkipsAfterAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(PacerConfig{Workers: 1})
		defer func() { require.NoError(t, p.Close()) }()
		var seen []uint64
		defer p.Add(tickFunc(func(n uint64) {
			seen = append(seen, n)
			if n == 3 {
				time.Sleep(45 * time.Millisecond)
			}
		}))()
		time.Sleep(101 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, []uint64{1, 2, 3, 7, 8, 9, 10}, seen)
		st := p.Stats()
		assert.EqualValues(t, 3, st.Skipped)
		assert.Equal(t, 35*time.Millisecond, st.MaxLate, "step 4 was due at 40 ms and came at 75 ms")
		assert.Equal(t, 35*time.Millisecond, st.P99Late)
		assert.Equal(t, 5*time.Millisecond, st.MeanLate)
	})
}

func TestPacer_RemoveWaitsForTheRunningTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(PacerConfig{Workers: 1})
		defer func() { require.NoError(t, p.Close()) }()
		over := false
		remove := p.Add(tickFunc(func(uint64) {
			time.Sleep(500 * time.Millisecond)
			over = true
		}))
		time.Sleep(20 * time.Millisecond)
		begin := time.Now()
		remove()
		assert.True(t, over)
		assert.Equal(t, 490*time.Millisecond, time.Since(begin))
	})
}

func TestPacer_ChangesFromWithinATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(PacerConfig{Workers: 2})
		var first, second, third int
		removes := make(chan func(), 2)
		removes <- p.Add(tickFunc(func(uint64) { third++ }))
		removes <- p.Add(tickFunc(func(n uint64) {
			first++
			if n == 5 {
				p.Add(tickFunc(func(uint64) { second++ }))
				(<-removes)() // the other one's
				(<-removes)() // its own
			}
		}))
		time.Sleep(time.Second + time.Millisecond)
		require.NoError(t, p.Close())
		assert.Equal(t, 5, first)
		assert.InDelta(t, 5, third, 1)
		assert.InDelta(t, 95, second, 1)
		p.Add(tickFunc(func(uint64) {})) // after Close: nothing
	})
}

func TestPacer_CloseFromWithinATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(PacerConfig{Workers: 2})
		p.Add(tickFunc(func(n uint64) { _ = p.Close() }))
		time.Sleep(time.Second)
		require.NoError(t, p.Close())
		assert.EqualValues(t, 1, p.Stats().Ticks)
	})
}

func TestPacer_PanicTakesOffOneTicker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(PacerConfig{Workers: 1})
		good := 0
		remove := p.Add(tickFunc(func(uint64) { panic("broken") }))
		p.Add(tickFunc(func(uint64) { good++ }))
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		assert.Equal(t, 1, p.Stats().Tickers)
		assert.Equal(t, 100, good)
		remove()
		require.NoError(t, p.Close())
	})
}

func TestLateness_Percentiles(t *testing.T) {
	var l lateness
	for i := range 1000 {
		l.add(time.Duration(i) * 10 * time.Microsecond)
	}
	l.add(-time.Second)
	st := l.stats()
	assert.EqualValues(t, 1001, st.Ticks)
	assert.Equal(t, 9990*time.Microsecond, st.MaxLate)
	assert.Equal(t, 9900*time.Microsecond, st.P99Late)
	assert.Equal(t, 9990*time.Microsecond, st.P999Late)
	l.add(time.Minute)
	assert.Equal(t, time.Minute, l.stats().MaxLate)
	assert.Zero(t, new(lateness).stats())
}

func TestGoroutineID(t *testing.T) {
	ids := make(chan uint64, 1)
	go func() { ids <- goroutineID() }()
	assert.NotZero(t, goroutineID())
	assert.NotEqual(t, goroutineID(), <-ids)
}
