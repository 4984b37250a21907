package jitter

import "time"

const (
	delayStep = 5 * perMS
	delayBins = 256
)

// delays counts how long packets waited before they were played.
type delays struct {
	bins [delayBins]uint32
	sum  int64
	n    int64
}

func (d *delays) add(wait int64) {
	wait = max(wait, 0)
	d.bins[min(wait/delayStep, delayBins-1)]++
	d.sum += wait
	d.n++
}

func (d *delays) mean() time.Duration {
	if d.n == 0 {
		return 0
	}
	return time.Duration(d.sum) * tick / time.Duration(d.n)
}

// percentile returns the upper edge of the step in which percent are reached.
func (d *delays) percentile(percent int64) time.Duration {
	seen := int64(0)
	for i, b := range d.bins {
		if seen += int64(b); seen > 0 && seen*100 >= d.n*percent {
			return time.Duration(i+1) * delayStep * tick
		}
	}
	return 0
}
