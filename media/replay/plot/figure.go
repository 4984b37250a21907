package plot

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/softphone-go/softphone/media/replay"
)

// Groups of marks: the ids of an SVG's elements.
const (
	groupGrid       = "grid"
	groupPackets    = "packets"
	groupBeyond     = "beyond"
	groupLate       = "late-packets"
	groupTarget     = "target"
	groupPlayout    = "playout"
	groupLost       = "lost"
	groupLateTurns  = "late"
	groupConcealed  = "concealed"
	groupStretched  = "stretched"
	groupCompressed = "compressed"
)

func (l *layout) draw(c canvas) {
	l.drawTitle(c)
	l.drawGrid(c)
	l.drawPackets(c)
	l.drawDelays(c)
	l.drawLegend(c)
	l.drawLanes(c)
}

func (l *layout) drawTitle(c canvas) {
	title := lettering{ink: black, size: 21, bold: true}
	c.text(point{left, titleLine}, l.Title, title)
	if l.Note != "" {
		c.text(point{left + l.letters.width(l.Title, title) + 12, titleLine}, l.Note, lettering{ink: muted, size: 14})
	}
	c.text(point{left, figuresLine}, l.figures(), lettering{ink: muted, size: 13.5})
}

// figures sums up the whole replay in a line.
func (l *layout) figures() string {
	r := l.Report
	share := 0.0
	if all := r.Received + r.Lost; all > 0 {
		share = 100 * float64(r.Lost) / float64(all)
	}
	parts := []string{
		fmt.Sprintf("%d packets received", r.Received),
		fmt.Sprintf("%d lost (%.1f %%)", r.Lost, share),
		fmt.Sprintf("%d late", r.Late),
	}
	if r.Duplicate > 0 {
		parts = append(parts, fmt.Sprintf("%d duplicate", r.Duplicate))
	}
	parts = append(parts,
		fmt.Sprintf("delay %.0f ms on average, %.0f ms at 95 %%", r.MeanDelayMS, r.P95DelayMS),
		fmt.Sprintf("MOS %.2f", r.MOS))
	return strings.Join(parts, "   ·   ")
}

func (l *layout) drawGrid(c canvas) {
	label := lettering{ink: muted, size: 12.5, anchor: 1}
	step := niceStep(l.y.to, 6)
	var rows [][]point
	for v := 0.0; v <= l.y.to; v += step {
		y := l.y.at(v)
		rows = append(rows, []point{{left, y}, {right, y}})
		text := fmt.Sprintf("%.0f", v)
		if v+step > l.y.to {
			text += " ms"
		}
		c.text(point{left - 10, y + 4.5}, text, label)
	}
	label.anchor = 0.5
	length := l.to - l.from
	tick := timeStep(length, 12)
	for at := (l.from + tick - 1) / tick * tick; at <= l.to; at += tick {
		x := l.x.at(at.Seconds())
		rows = append(rows, []point{{x, panelTop}, {x, lanesEnd}})
		c.text(point{x, lanesEnd + 20}, clockText(at, tick, l.to), label)
	}
	c.text(point{(left + right) / 2, lanesEnd + 44}, "Time at the listener", lettering{ink: black, size: 13, anchor: 0.5})
	c.lines(groupGrid, rows, stroke{ink: grid, width: 1})
	c.lines("axes", [][]point{{{left, panelTop + panelHeight}, {right, panelTop + panelHeight}}}, stroke{ink: frame, width: 1})
}

// drawPackets marks each packet when it arrived. One above the axis is an arrow
// at its upper end.
func (l *layout) drawPackets(c canvas) {
	var dots []point
	var lates, beyond [][]point
	for _, p := range l.Record.Packets {
		at := p.Sent + p.Delay
		if p.Fate == replay.Lost || !l.within(at) {
			continue
		}
		to := l.place(at, p.Delay)
		switch {
		case (p.Delay-l.fastest).Seconds()*1000 > l.y.to:
			beyond = append(beyond, []point{{to.x, to.y + 2}, {to.x + 4, to.y + 9}, {to.x - 4, to.y + 9}})
		case p.Fate == replay.Late:
			lates = append(lates, diamond(to, 4))
		default:
			dots = append(dots, to)
		}
	}
	spacing := (right - left) / max(float64(len(dots)), 1)
	c.dots(groupPackets, dots, min(max(2*spacing, 1.5), 3.2), packet)
	c.shapes(groupLate, lates, late)
	c.shapes(groupBeyond, beyond, late)
}

func diamond(c point, r float64) []point {
	return []point{{c.x, c.y - r}, {c.x + r, c.y}, {c.x, c.y + r}, {c.x - r, c.y}}
}

// drawDelays draws what the engine wanted and what it did.
func (l *layout) drawDelays(c canvas) {
	wanted := l.line(func(m replay.Moment) time.Duration { return m.Target })
	played := l.line(func(m replay.Moment) time.Duration { return m.Delay })
	c.lines(groupPlayout, played, stroke{ink: playout, width: 2.2})
	c.lines(groupTarget, wanted, stroke{ink: target, width: 1.8, dash: 5})
}

// pause is how long nothing may be heard before a line is interrupted.
const pause = 500 * time.Millisecond

// line follows a delay through the moments in which something was heard. Points
// that lie on a straight line with their neighbours are left out.
func (l *layout) line(delay func(replay.Moment) time.Duration) [][]point {
	var lines [][]point
	var last time.Duration
	for _, m := range l.Record.Moments {
		if !l.heard(m) || !l.within(m.Played) {
			continue
		}
		p := l.place(m.Played, delay(m))
		p.y = math.Round(p.y*4) / 4 // below what can be seen
		n := len(lines) - 1
		if n < 0 || m.Played-last > pause {
			lines = append(lines, []point{p})
		} else {
			lines[n] = extend(lines[n], p)
		}
		last = m.Played
	}
	return lines
}

// extend adds a point to a line, in place of the last one where a level goes on.
func extend(line []point, p point) []point {
	if n := len(line); n > 1 && line[n-1].y == p.y && line[n-2].y == p.y {
		line[n-1] = p
		return line
	}
	return append(line, p)
}

// drawLegend names the axis and what is in the panel, each with a sample.
func (l *layout) drawLegend(c canvas) {
	c.text(point{left, legendLine}, "Delay beyond the fastest packet", lettering{ink: black, size: 13, bold: true})
	text := lettering{ink: black, size: 13}
	const sample, gap = 26, 22
	x, y := float64(right), float64(legendLine-4.5)
	entry := func(name string, draw func(x float64)) {
		x -= l.letters.width(name, text)
		c.text(point{x, legendLine}, name, text)
		x -= sample + 8
		draw(x)
		x -= gap
	}
	entry("late packet", func(x float64) {
		c.shapes("legend-late", [][]point{diamond(point{x + sample/2, y}, 4)}, late)
	})
	entry("packet, when it arrived", func(x float64) {
		c.dots("legend-packets", []point{{x + 5, y}, {x + 13, y}, {x + 21, y}}, 2.4, packet)
	})
	entry("its target", func(x float64) {
		c.lines("legend-target", [][]point{{{x, y}, {x + sample, y}}}, stroke{ink: target, width: 1.8, dash: 5})
	})
	entry("playout delay", func(x float64) {
		c.lines("legend-playout", [][]point{{{x, y}, {x + sample, y}}}, stroke{ink: playout, width: 2.2})
	})
}
