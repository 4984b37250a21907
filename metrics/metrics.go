package metrics

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/sip"
)

// Metrics is the figures of one phone. Make it with New; all methods are safe
// for concurrent use and never block.
type Metrics struct {
	registry *prometheus.Registry

	registered    *prometheus.GaugeVec
	registrations *prometheus.CounterVec

	up      *prometheus.GaugeVec
	calls   *prometheus.CounterVec
	blocked prometheus.Counter
	request prometheus.Histogram
	answer  *prometheus.HistogramVec
	talk    *prometheus.HistogramVec

	packets *prometheus.CounterVec
	loss    prometheus.Histogram
	jitter  prometheus.Histogram
	trip    prometheus.Histogram
	mos     prometheus.Histogram

	open calls // that are up, or being set up
	live *live // their sound now
}

// New returns figures that are all zero, in a registry of their own. It holds
// those of the Go runtime and of the process too.
func New() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	m.registered = m.gauge("registered", "1 while the account is registered, else 0", "account")
	m.registrations = m.counter("registrations_total", "Ends of attempts to register, by result (registered, retrying, rejected, unregistered) and SIP code", "account", "result", "code")

	m.up = m.gauge("calls", "Calls that are up, or being set up", "direction")
	m.calls = m.counter("calls_total", "Calls that are over, by outcome and the SIP code that decided it (0: none did)", "direction", "outcome", "code")
	m.blocked = m.counter("calls_blocked_total", "Calls that a block rule refused; they are in calls_total too").WithLabelValues()
	seconds := []float64{.05, .1, .2, .5, 1, 2, 3, 5, 8, 13, 20, 30, 60}
	m.request = m.histogram("call_request_delay_seconds", "From our INVITE to the first response that tells how it goes, 18x or final (RFC 6076 section 4.3.1)", seconds).WithLabelValues().(prometheus.Histogram)
	m.answer = m.histogram("call_setup_seconds", "From the INVITE to the answer, of calls that were answered", seconds, "direction")
	m.talk = m.histogram("call_talk_seconds", "From the answer to the end, of calls that were answered", prometheus.ExponentialBuckets(1, 3, 9), "direction")

	m.packets = m.counter("rtp_packets_total", "RTP packets of calls that are over: sent, received, lost before they came, late (too late to be heard)", "what")
	m.loss = m.histogram("rtp_loss_ratio", "Packets lost, of those expected, by call", []float64{0, .001, .005, .01, .02, .05, .1, .2, .5}).WithLabelValues().(prometheus.Histogram)
	m.jitter = m.histogram("rtp_jitter_seconds", "Interarrival jitter at the end of a call (RFC 3550 section 6.4.1)", []float64{.001, .002, .005, .01, .02, .05, .1, .2}).WithLabelValues().(prometheus.Histogram)
	m.trip = m.histogram("rtp_round_trip_seconds", "Round trip at the end of a call, where the other side reports", []float64{.001, .005, .01, .02, .05, .1, .2, .5, 1}).WithLabelValues().(prometheus.Histogram)
	m.mos = m.histogram("call_mos", "Estimated MOS of what was heard, 1 to 5, by call", []float64{1, 1.5, 2, 2.5, 3, 3.5, 4, 4.2, 4.4, 5}).WithLabelValues().(prometheus.Histogram)
	for _, direction := range []dialer.Direction{dialer.Inbound, dialer.Outbound} {
		m.up.WithLabelValues(direction.String()) // 0, and not absent
	}
	m.live = newLive()
	m.registry.MustRegister(m.live)
	return m
}

// Handler serves the figures in the text format of Prometheus, or in that of
// OpenMetrics to who asks for it.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: 4})
}

// Registration takes a change of an account's registration.
func (m *Metrics) Registration(account string, s sip.RegistrationState) {
	switch s.Phase {
	case sip.Registered:
		m.registered.WithLabelValues(account).Set(1)
	case sip.Retrying, sip.Rejected, sip.Unregistered:
		m.registered.WithLabelValues(account).Set(0)
	default: // an attempt under way says nothing yet
		return
	}
	m.registrations.WithLabelValues(account, s.Phase.String(), strconv.Itoa(s.Code)).Inc()
}

// Forget drops the figures of an account that was removed.
func (m *Metrics) Forget(account string) {
	labels := prometheus.Labels{"account": account}
	m.registered.DeletePartialMatch(labels)
	m.registrations.DeletePartialMatch(labels)
}

const namespace = "softphone"

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(v)
	return v
}
