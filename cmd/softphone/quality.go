package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/media/quality"
)

// qualityLine is what --quality prints of a call that is up.
type qualityLine struct {
	Type   string    `json:"type"` // "quality"
	Time   time.Time `json:"time"`
	ID     string    `json:"call"`
	TalkMS int64     `json:"talk_ms"` // since the answer
	quality.Call
}

// tellQuality prints how a call sounds, every so often, until it is over.
func tellQuality(out *printer, c *dialer.Call, every time.Duration) {
	if every <= 0 {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-c.Done():
			return
		case now := <-tick.C:
			q := c.Quality().Rounded()
			out.line(qualityLine{
				Type: "quality", Time: now, ID: c.ID(), TalkMS: now.Sub(c.Info().Answered).Milliseconds(), Call: q,
			}, "%s  here %s; there %s", now.Format("15:04:05.000"), shortly(q.Local), shortly(q.Remote))
		}
	}
}

// shortly is one direction in a few words.
func shortly(s quality.Stream) string {
	if s.Origin == quality.Unknown {
		return "not known yet"
	}
	return fmt.Sprintf("MOS %.2f, %.1f %% lost, jitter %.1f ms, delay %.0f ms", s.MOSCQ, s.LossPercent+s.DiscardPercent, s.JitterMS, s.DelayMS)
}

// qualityTable is a call's sound both ways; "" when nothing was heard.
func qualityTable(c quality.Call) string {
	c = c.Rounded()
	var b strings.Builder
	for _, row := range []struct {
		name string
		s    quality.Stream
	}{{"heard here", c.Local}, {"heard there", c.Remote}} {
		s := row.s
		if s.Origin == quality.Unknown {
			continue
		}
		if b.Len() == 0 {
			fmt.Fprintf(&b, "%-12s %7s %7s %9s %9s %9s %9s %6s %7s %7s  %s\n", "",
				"lost %", "late %", "burst ms", "jitter ms", "trip ms", "delay ms", "R", "MOS-LQ", "MOS-CQ", "known from")
		}
		fmt.Fprintf(&b, "%-12s %7.2f %7.2f %9.0f %9.1f %9.1f %9.1f %6.1f %7.2f %7.2f  %s\n", row.name,
			s.LossPercent, s.DiscardPercent, s.BurstMS, s.JitterMS, s.RTTMS, s.DelayMS, s.R, s.MOSLQ, s.MOSCQ, s.Origin)
	}
	return strings.TrimRight(b.String(), "\n")
}
