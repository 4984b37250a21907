package metrics

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/softphone-go/softphone/media/quality"
)

// live is the sound of the calls that are up, looked at when somebody asks. Calls
// have no label of their own, so that there are as many figures for a thousand of
// them as for one: how most sound (median), and the one that sounds worst.
type live struct {
	mu    sync.Mutex
	calls func() []quality.Call // nil: nobody can be asked

	heard, loss, jitter, trip, playout, mos *prometheus.Desc
}

func newLive() *live {
	figure := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "live", name), help, labels, nil)
	}
	return &live{
		heard:   figure("calls_heard", "Answered calls that are up and whose sound is known: as measured here (local), as the other side reports (remote)", "side"),
		loss:    figure("rtp_loss_ratio", "Packets lost, of those expected, between the last two reports (RFC 3550 section 6.4.1), of calls that are up", "side", "of"),
		jitter:  figure("rtp_jitter_seconds", "Interarrival jitter now (RFC 3550 section 6.4.1), of calls that are up", "side", "of"),
		trip:    figure("rtp_round_trip_seconds", "Round trip by the last report, of calls that are up", "of"),
		playout: figure("playout_delay_seconds", "Delay of the playout buffer now, of calls that are up", "side", "of"),
		mos:     figure("call_mos", "Estimated conversational MOS now, 1 to 5, of calls that are up", "side", "of"),
	}
}

// Watch has the figures of running calls come from calls, which is asked at each
// look, from any goroutine, and must not block. A later Watch takes its place.
func (m *Metrics) Watch(calls func() []quality.Call) {
	m.live.mu.Lock()
	defer m.live.mu.Unlock()
	m.live.calls = calls
}

// Describe implements prometheus.Collector.
func (l *live) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{l.heard, l.loss, l.jitter, l.trip, l.playout, l.mos} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (l *live) Collect(to chan<- prometheus.Metric) {
	l.mu.Lock()
	ask := l.calls
	l.mu.Unlock()
	if ask == nil {
		return
	}
	calls := ask()
	var trips []float64
	for _, c := range calls {
		trips = known(trips, c.Local.RTTMS/1000)
	}
	tell(to, l.trip, trips, slices.Max)
	l.side(to, "local", calls, func(c quality.Call) quality.Stream { return c.Local })
	l.side(to, "remote", calls, func(c quality.Call) quality.Stream { return c.Remote })
}

// side tells of one direction of all calls.
func (l *live) side(to chan<- prometheus.Metric, side string, calls []quality.Call, of func(quality.Call) quality.Stream) {
	heard := 0
	var loss, jitter, playout, mos []float64
	for _, c := range calls {
		s := of(c)
		if s.Origin == quality.Unknown {
			continue
		}
		heard++
		loss = append(loss, s.RecentLossPercent/100)
		jitter = append(jitter, s.JitterMS/1000)
		playout = known(playout, s.PlayoutMS/1000)
		mos = known(mos, s.MOSCQ)
	}
	to <- prometheus.MustNewConstMetric(l.heard, prometheus.GaugeValue, float64(heard), side)
	tell(to, l.loss, loss, slices.Max, side)
	tell(to, l.jitter, jitter, slices.Max, side)
	tell(to, l.playout, playout, slices.Max, side)
	tell(to, l.mos, mos, slices.Min, side)
}

// known adds a figure of which 0 says that nobody knows it yet.
func known(values []float64, v float64) []float64 {
	if v == 0 {
		return values
	}
	return append(values, v)
}

// tell tells the median and the worst of values; of none it tells nothing.
func tell(to chan<- prometheus.Metric, d *prometheus.Desc, values []float64, worst func([]float64) float64, labels ...string) {
	if len(values) == 0 {
		return
	}
	slices.Sort(values)
	median := (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	for of, v := range map[string]float64{"median": median, "worst": worst(values)} {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append(slices.Clone(labels), of)...)
	}
}
