package media

import (
	"math"
	"math/rand/v2"
	"time"
)

// RTCP timing (RFC 3550 §6.2 and §6.3) for a session of two.
const (
	reportInterval    = 5 * time.Second // nominal minimum
	senderShare       = 0.25
	sessionBandwidth  = 8000 + 50*40 // octets/s: G.711 at 20 ms with its RTP, UDP and IP headers
	rtcpBandwidth     = sessionBandwidth * 5 / 100
	headerOverhead    = 28  // octets of IPv4 and UDP, which count too
	firstReportOctets = 128 // estimate of the average before there is one

	// compensation makes up for timer reconsideration, which converges below
	// the wanted average (§6.3.1).
	compensation = math.E - 1.5
)

// reportTimer says when to send reports. The zero value must be started.
type reportTimer struct {
	rng     *rand.Rand
	initial bool          // nothing sent yet: half the minimum
	started bool          // start was called
	last    time.Duration // when the last report left (tp)
	next    time.Duration // when to look again (tn)
	average float64       // octets of a compound packet, headers included
}

func (t *reportTimer) start(now time.Duration, members, senders int, weSent bool) {
	t.initial, t.started = true, true
	t.average = firstReportOctets + headerOverhead
	t.last = now
	t.next = now + t.interval(members, senders, weSent)
}

// interval is one randomised interval (§6.3.1).
func (t *reportTimer) interval(members, senders int, weSent bool) time.Duration {
	minimum := reportInterval
	if t.initial {
		minimum /= 2
	}
	n, bandwidth := float64(members), float64(rtcpBandwidth)
	if float64(senders) <= n*senderShare {
		if weSent {
			n, bandwidth = float64(senders), bandwidth*senderShare
		} else {
			n, bandwidth = n-float64(senders), bandwidth*(1-senderShare)
		}
	}
	d := max(float64(minimum), n*t.average/bandwidth*float64(time.Second))
	return time.Duration(d * (0.5 + t.rng.Float64()) / compensation)
}

// due says whether a report is to leave now. With reconsideration (§6.3.6), the
// interval is drawn again when the timer expires.
func (t *reportTimer) due(now time.Duration, members, senders int, weSent bool) bool {
	if !t.started || now < t.next {
		return false
	}
	t.next = t.last + t.interval(members, senders, weSent)
	return t.next <= now
}

// sent notes that a report of that many octets left.
func (t *reportTimer) sent(now time.Duration, octets, members, senders int, weSent bool) {
	t.observe(octets)
	t.last, t.initial = now, false
	t.next = now + t.interval(members, senders, weSent)
}

// observe takes a compound packet into the average, sent or received (§6.3.3).
func (t *reportTimer) observe(octets int) {
	t.average += (float64(octets+headerOverhead) - t.average) / 16
}
