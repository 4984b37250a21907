package plot

import (
	"fmt"
	"math"
	"time"
)

// axis maps values to places: from lies at start, to at end.
type axis struct {
	from, to   float64
	start, end float64
}

func (a axis) at(v float64) float64 {
	return a.start + (v-a.from)/(a.to-a.from)*(a.end-a.start)
}

// clip is at, kept between the ends.
func (a axis) clip(v float64) float64 {
	return a.at(min(max(v, a.from), a.to))
}

// steps between ticks: milliseconds by 1, 2 and 5, seconds as clocks are read.
var timeSteps = []time.Duration{
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour,
}

// timeStep returns the least step that makes at most most ticks of length.
func timeStep(length time.Duration, most int) time.Duration {
	for _, s := range timeSteps {
		if length/s <= time.Duration(most) {
			return s
		}
	}
	return timeSteps[len(timeSteps)-1]
}

// clockText writes a tick of the time axis: seconds, or minutes and seconds
// where the axis is long.
func clockText(at, step, end time.Duration) string {
	if end > 10*time.Minute {
		s := int(at / time.Second)
		if end > 2*time.Hour {
			return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
		}
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	digits := 0
	for unit := time.Second; step%unit != 0 && digits < 2; unit /= 10 {
		digits++
	}
	return fmt.Sprintf("%.*f s", digits, at.Seconds())
}

// niceStep returns the 1, 2 or 5 times a power of ten that divides length into
// at most most parts.
func niceStep(length float64, most int) float64 {
	rough := length / float64(most)
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= rough*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}
