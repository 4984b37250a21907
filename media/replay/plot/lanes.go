package plot

import (
	"fmt"
	"math"
	"time"

	"github.com/softphone-go/softphone/media/replay"
)

// Lanes under the panel: one kind of event each, with its sum at the right.
const (
	laneLost = iota
	laneLate
	laneConcealed
	laneStretched
	laneCompressed
)

const (
	markWidth  = 1.4
	frameTime  = 10 * time.Millisecond
	tallest    = 18 * time.Millisecond // of time scaling: a tick of full height
	markHeight = laneHeight - 7
)

func (l *layout) drawLanes(c canvas) {
	name := lettering{ink: black, size: 12.5, anchor: 1}
	sum := lettering{ink: muted, size: 12.5}
	r := l.Report
	for lane, text := range [laneCount][2]string{
		laneLost:       {"lost", fmt.Sprint(r.Lost)},
		laneLate:       {"late", fmt.Sprint(r.Late)},
		laneConcealed:  {"concealed", amount(r.ConcealedMS)},
		laneStretched:  {"stretched", amount(r.StretchedMS)},
		laneCompressed: {"compressed", amount(r.CompressedMS)},
	} {
		base := laneTop(lane) + laneHeight - 6
		c.text(point{left - 10, base}, text[0], name)
		c.text(point{right + 10, base}, text[1], sum)
	}
	var floors [][]point
	for _, lane := range []int{laneLost, laneLate, laneConcealed, laneCompressed} {
		floors = append(floors, []point{{left, laneTop(lane)}, {right, laneTop(lane)}})
	}
	floors = append(floors, []point{{left, lanesEnd}, {right, lanesEnd}})
	c.lines("lanes", floors, stroke{ink: frame, width: 0.8})
	c.shapes(groupLost, l.marks(laneLost, replay.Lost), black)
	c.shapes(groupLateTurns, l.marks(laneLate, replay.Late), late)
	c.shapes(groupConcealed, l.spans(), concealed)
	c.shapes(groupStretched, l.ticks(func(m replay.Moment) time.Duration { return m.Stretched }, laneTop(laneCompressed), -1), stretched)
	c.shapes(groupCompressed, l.ticks(func(m replay.Moment) time.Duration { return m.Compressed }, laneTop(laneCompressed), 1), compressed)
}

func laneTop(lane int) float64 { return lanesTop + float64(lane)*laneHeight }

func amount(ms float64) string {
	if ms >= 9950 {
		return fmt.Sprintf("%.1f s", ms/1000)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// marks are packets at the time of their turn.
func (l *layout) marks(lane int, fate replay.Fate) [][]point {
	var out [][]point
	for _, p := range l.Record.Packets {
		if at := l.turn(p.Sent); p.Fate == fate && l.within(at) {
			out = append(out, rectangle(l.x.at(at.Seconds())-markWidth/2, laneTop(lane)+4, markWidth, markHeight))
		}
	}
	return out
}

// spans are the times in which sound was made up. What turns out to be loss only
// when it is over is counted then, so a span may begin before its moment.
func (l *layout) spans() [][]point {
	var spans [][2]time.Duration
	for _, m := range l.Record.Moments {
		if m.Concealed <= 0 {
			continue
		}
		end := m.Played + frameTime
		begin := end - m.Concealed
		if n := len(spans); n > 0 && spans[n-1][1] >= begin-frameTime/2 {
			begin, spans = min(begin, spans[n-1][0]), spans[:n-1]
		}
		spans = append(spans, [2]time.Duration{begin, end})
	}
	var out [][]point
	for _, s := range spans {
		begin, end := max(s[0], l.from), min(s[1], l.to)
		if begin >= end {
			continue
		}
		x := l.x.at(begin.Seconds())
		w := max(l.x.at(end.Seconds())-x, markWidth)
		out = append(out, rectangle(x, laneTop(laneConcealed)+4, w, markHeight))
	}
	return out
}

// ticks show time scaling, up or down from a base line, by amount.
func (l *layout) ticks(amount func(replay.Moment) time.Duration, base float64, direction float64) [][]point {
	var out [][]point
	for _, m := range l.Record.Moments {
		a := amount(m)
		if a <= 0 || !l.within(m.Played) {
			continue
		}
		h := max(3, (laneHeight-3)*math.Sqrt(min(1, float64(a)/float64(tallest))))
		y := base
		if direction < 0 {
			y -= h
		}
		out = append(out, rectangle(l.x.at(m.Played.Seconds())-markWidth/2, y, markWidth, h))
	}
	return out
}
