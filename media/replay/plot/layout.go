package plot

import (
	"slices"
	"time"

	"github.com/softphone-go/softphone/media/jitter"
	"github.com/softphone-go/softphone/media/replay"
)

// Places, in units: 96 to the inch when an SVG is shown at its own size.
const (
	pageWidth   = 1180
	left        = 92 // of the panels
	right       = 1084
	titleLine   = 36
	figuresLine = 59
	legendLine  = 92
	panelTop    = 108
	panelHeight = 320
	laneGap     = 16
	laneHeight  = 22
	axisHeight  = 58

	laneCount = 5
	lanesTop  = panelTop + panelHeight + laneGap
	lanesEnd  = lanesTop + laneCount*laneHeight
	pageEnd   = lanesEnd + axisHeight
)

// The delay axis shows at least this much, and so much above the highest line.
const (
	lowestTop = 60 * time.Millisecond
	headroom  = 1.08
	outliers  = 500 // one packet in so many may lie above the axis
)

// layout is a figure with all its places known.
type layout struct {
	Figure
	width, height float64
	letters       *letters

	from, to time.Duration
	fastest  time.Duration // least delay of all packets: 0 of the delay axis
	x, y     axis
	playedAt []instant
}

// instant tells when the sound that was sent at a time was played.
type instant struct{ sent, played time.Duration }

func newLayout(f Figure) (*layout, error) {
	l := &layout{Figure: f, width: pageWidth, height: pageEnd, from: f.From, to: f.To}
	if len(f.Record.Moments) == 0 || len(f.Record.Packets) == 0 {
		return nil, ErrNothing
	}
	l.trim()
	if l.from < 0 || l.from >= l.to {
		return nil, ErrSpan
	}
	var err error
	if l.letters, err = newLetters(); err != nil {
		return nil, err
	}
	l.findFastest()
	l.x = axis{from: l.from.Seconds(), to: l.to.Seconds(), start: left, end: right}
	l.y = axis{from: 0, to: l.highest().Seconds() * 1000, start: panelTop + panelHeight, end: panelTop}
	for _, m := range f.Record.Moments {
		if m.Timed && m.Kind == jitter.Speech {
			l.playedAt = append(l.playedAt, instant{m.Played - m.Delay, m.Played})
		}
	}
	return l, nil
}

// trim takes the silence after the last packet off the picture.
func (l *layout) trim() {
	var end time.Duration
	for _, m := range l.Record.Moments {
		if m.Kind != jitter.Silence || m.Concealed > 0 {
			end = m.Played + 10*time.Millisecond
		}
	}
	for _, p := range l.Record.Packets {
		end = max(end, p.Sent+p.Delay+20*time.Millisecond)
	}
	if l.to == 0 || l.to > end {
		l.to = end
	}
}

func (l *layout) findFastest() {
	found := false
	for _, p := range l.Record.Packets {
		if p.Fate != replay.Lost && (!found || p.Delay < l.fastest) {
			found, l.fastest = true, p.Delay
		}
	}
}

// highest returns the top of the delay axis: all of the lines and nearly all
// packets lie below it.
func (l *layout) highest() time.Duration {
	top := lowestTop
	for _, m := range l.Record.Moments {
		if l.heard(m) && l.within(m.Played) {
			top = max(top, m.Delay-l.fastest, m.Target-l.fastest)
		}
	}
	var delays []time.Duration
	for _, p := range l.Record.Packets {
		if p.Fate != replay.Lost && l.within(p.Sent+p.Delay) {
			delays = append(delays, p.Delay-l.fastest)
		}
	}
	if slices.Sort(delays); len(delays) > 0 {
		top = max(top, delays[len(delays)-1-len(delays)/outliers])
	}
	return time.Duration(float64(top) * headroom)
}

func (l *layout) within(at time.Duration) bool { return at >= l.from && at < l.to }

// heard tells whether a moment has a delay worth drawing: in a pause nothing
// waits for anything.
func (l *layout) heard(m replay.Moment) bool {
	return m.Timed && (m.Kind == jitter.Speech || m.Kind == jitter.Comfort)
}

// turn returns when the sound sent at a time was played, or would have been.
func (l *layout) turn(sent time.Duration) time.Duration {
	i, _ := slices.BinarySearchFunc(l.playedAt, sent, func(at instant, sent time.Duration) int {
		return int(min(max(at.sent-sent, -1), 1))
	})
	switch {
	case i < len(l.playedAt):
		at := l.playedAt[i]
		return sent + (at.played - at.sent)
	case i > 0:
		at := l.playedAt[i-1]
		return sent + (at.played - at.sent)
	default:
		return sent + l.fastest
	}
}

// place is a point of the panel.
func (l *layout) place(at, delay time.Duration) point {
	return point{l.x.at(at.Seconds()), l.y.clip((delay - l.fastest).Seconds() * 1000)}
}
