package media

import (
	"sync/atomic"
	"time"
)

// PacerStats says how a Pacer kept its schedule. The percentiles are of all ticks
// since it began, in steps of 100 µs.
type PacerStats struct {
	Tickers  int
	Ticks    uint64
	Skipped  uint64 // steps left out by a worker that came a whole step late
	MeanLate time.Duration
	P99Late  time.Duration
	P999Late time.Duration
	MaxLate  time.Duration
}

// Stats returns the Pacer's statistics.
func (p *Pacer) Stats() PacerStats {
	st := p.late.stats()
	st.Skipped = p.skipped.Load()
	for _, l := range p.lanes {
		st.Tickers += int(l.count.Load())
	}
	return st
}

const (
	lateStep  = 100 * time.Microsecond
	lateSteps = 2000 // 200 ms; what is later goes into the last one
)

// lateness is a histogram that any worker may add to.
type lateness struct {
	steps [lateSteps]atomic.Uint64
	sum   atomic.Int64
	max   atomic.Int64
}

func (l *lateness) add(d time.Duration) {
	d = max(0, d)
	l.steps[min(d/lateStep, lateSteps-1)].Add(1)
	l.sum.Add(int64(d))
	for old := l.max.Load(); int64(d) > old && !l.max.CompareAndSwap(old, int64(d)); {
		old = l.max.Load()
	}
}

func (l *lateness) stats() PacerStats {
	var counts [lateSteps]uint64
	st := PacerStats{MaxLate: time.Duration(l.max.Load())}
	for i := range counts {
		counts[i] = l.steps[i].Load()
		st.Ticks += counts[i]
	}
	if st.Ticks == 0 {
		return st
	}
	st.MeanLate = time.Duration(l.sum.Load() / int64(st.Ticks))
	st.P99Late = min(st.MaxLate, percentile(&counts, st.Ticks, 990))
	st.P999Late = min(st.MaxLate, percentile(&counts, st.Ticks, 999))
	return st
}

// percentile is the upper end of the step in which the given thousandth lies.
func percentile(counts *[lateSteps]uint64, total, thousandths uint64) time.Duration {
	var seen uint64
	for i, c := range counts {
		seen += c
		if seen*1000 >= total*thousandths {
			if i == lateSteps-1 {
				break
			}
			return time.Duration(i+1) * lateStep
		}
	}
	return time.Duration(1<<63 - 1) // later than the histogram tells: the maximum
}
