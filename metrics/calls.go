package metrics

import (
	"strconv"
	"sync"
	"time"

	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/media"
)

// calls is when the calls began that are not over yet.
type calls struct {
	mu sync.Mutex
	m  map[string]*begun // by call id
}

type begun struct {
	invited  time.Time // the INVITE left, or came
	answered bool      // how it goes is known: it rang, or was answered
}

func (c *calls) begin(id string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = make(map[string]*begun)
	}
	c.m[id] = &begun{invited: at}
}

// told returns how long the first news of a call took; false for further news.
func (c *calls) told(id string, at time.Time) (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.m[id]
	if b == nil || b.answered {
		return 0, false
	}
	b.answered = true
	return at.Sub(b.invited), true
}

func (c *calls) invited(id string) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.m[id]
	if b == nil {
		return time.Time{}, false
	}
	return b.invited, true
}

func (c *calls) end(id string) (was bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, was = c.m[id]
	delete(c.m, id)
	return was
}

// Call takes an event of a call.
func (m *Metrics) Call(ev dialer.Event) {
	direction := ev.Direction.String()
	switch ev.Type {
	case dialer.EventDialing, dialer.EventIncoming:
		m.open.begin(ev.CallID, ev.Time)
		m.up.WithLabelValues(direction).Inc()
	case dialer.EventRinging, dialer.EventEarlyMedia:
		m.told(ev)
	case dialer.EventAnswered:
		m.told(ev)
		if at, ok := m.open.invited(ev.CallID); ok {
			m.answer.WithLabelValues(direction).Observe(ev.Time.Sub(at).Seconds())
		}
	case dialer.EventBlocked:
		m.blocked.Inc()
	case dialer.EventEnded:
		if ev.Outcome.Code > 0 && ev.Outcome.EndedBy == dialer.Remote {
			m.told(ev)
		}
		if m.open.end(ev.CallID) {
			m.up.WithLabelValues(direction).Dec()
		}
		m.over(direction, ev.Outcome)
	default:
	}
}

// told takes the first response to our INVITE that says how it goes.
func (m *Metrics) told(ev dialer.Event) {
	if took, first := m.open.told(ev.CallID, ev.Time); first && ev.Direction == dialer.Outbound {
		m.request.Observe(took.Seconds())
	}
}

func (m *Metrics) over(direction string, o *dialer.Outcome) {
	m.calls.WithLabelValues(direction, o.Disposition.String(), strconv.Itoa(o.Code)).Inc()
	if o.Answered.IsZero() {
		return
	}
	m.talk.WithLabelValues(direction).Observe(o.Talk.Seconds())
	m.sound(o.Media)
}

func (m *Metrics) sound(s media.Stats) {
	m.packets.WithLabelValues("sent").Add(float64(s.PacketsSent))
	m.packets.WithLabelValues("received").Add(float64(s.PacketsReceived))
	m.packets.WithLabelValues("lost").Add(float64(s.PacketsLost))
	m.packets.WithLabelValues("late").Add(float64(s.PacketsLate))
	if s.PacketsReceived == 0 {
		return // nothing was heard that could be judged
	}
	m.loss.Observe(float64(s.PacketsLost) / float64(s.PacketsLost+s.PacketsReceived))
	m.jitter.Observe(s.Jitter.Seconds())
	if s.RTT > 0 {
		m.trip.Observe(s.RTT.Seconds())
	}
	m.mos.Observe(s.MOS)
}
