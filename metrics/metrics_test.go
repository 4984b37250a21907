package metrics_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/metrics"
	"github.com/softphone-go/softphone/sip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scrape reads the figures of a phone, without those of the process.
func scrape(t *testing.T, m *metrics.Metrics) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Header().Get("Content-Type"), "text/plain")
	text, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	assert.Contains(t, string(text), "go_goroutines ")
	figures := map[string]string{}
	for l := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(l), " ")
		if ok && strings.HasPrefix(name, "softphone_") && !strings.Contains(name, "_bucket{") {
			figures[strings.TrimPrefix(name, "softphone_")] = value
		}
	}
	return figures
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// happen plays the events of one call, each at its time after the first.
func happen(m *metrics.Metrics, id string, d dialer.Direction, o dialer.Outcome, at ...any) {
	for i := 0; i < len(at); i += 2 {
		ev := dialer.Event{CallID: id, Direction: d, Type: at[i].(dialer.EventType), Time: start.Add(at[i+1].(time.Duration))}
		if ev.Type == dialer.EventEnded {
			ev.Outcome = &o
		}
		m.Call(ev)
	}
}

func TestCalls_Outcomes(t *testing.T) {
	m := metrics.New()
	assert.Equal(t, "0", scrape(t, m)[`calls{direction="inbound"}`], "before the first call")
	happen(m, "1", dialer.Outbound, dialer.Outcome{
		Disposition: dialer.Completed, EndedBy: dialer.Local, Code: 200, Answered: start, Talk: 10 * time.Second,
		Media: media.Stats{PacketsSent: 500, PacketsReceived: 490, PacketsLost: 10, PacketsLate: 1, Jitter: 4 * time.Millisecond, RTT: 20 * time.Millisecond, MOS: 4.1},
	}, dialer.EventDialing, time.Duration(0), dialer.EventRinging, 250*time.Millisecond, dialer.EventRinging, time.Second,
		dialer.EventAnswered, 3*time.Second, dialer.EventEnded, 13*time.Second)
	happen(m, "2", dialer.Outbound, dialer.Outcome{Disposition: dialer.Busy, EndedBy: dialer.Remote, Code: 486},
		dialer.EventDialing, time.Duration(0), dialer.EventEnded, 500*time.Millisecond)
	happen(m, "3", dialer.Outbound, dialer.Outcome{Disposition: dialer.Unreachable, EndedBy: dialer.Network, Err: errors.New("no route")},
		dialer.EventDialing, time.Duration(0), dialer.EventEnded, 32*time.Second)
	happen(m, "4", dialer.Inbound, dialer.Outcome{Disposition: dialer.Blocked, EndedBy: dialer.Local, Code: 603},
		dialer.EventBlocked, time.Duration(0), dialer.EventEnded, time.Duration(0))
	happen(m, "5", dialer.Inbound, dialer.Outcome{}, dialer.EventIncoming, time.Duration(0))

	got := scrape(t, m)
	for name, want := range map[string]string{
		`calls{direction="outbound"}`: "0", `calls{direction="inbound"}`: "1",
		`calls_total{code="200",direction="outbound",outcome="completed"}`: "1",
		`calls_total{code="486",direction="outbound",outcome="busy"}`:      "1",
		`calls_total{code="0",direction="outbound",outcome="unreachable"}`: "1",
		`calls_total{code="603",direction="inbound",outcome="blocked"}`:    "1",
		`calls_blocked_total`:                           "1",
		`call_request_delay_seconds_count`:              "2", // what nobody answered has no delay
		`call_request_delay_seconds_sum`:                "0.75",
		`call_setup_seconds_sum{direction="outbound"}`:  "3",
		`call_talk_seconds_count{direction="outbound"}`: "1",
		`rtp_packets_total{what="lost"}`:                "10",
		`rtp_loss_ratio_sum`:                            "0.02",
		`rtp_jitter_seconds_sum`:                        "0.004",
		`rtp_round_trip_seconds_sum`:                    "0.02",
		`call_mos_sum`:                                  "4.1",
	} {
		assert.Equal(t, want, got[name], name)
	}
}

func TestRegistration_StandsOrNot(t *testing.T) {
	m := metrics.New()
	m.Registration("a@pbx", sip.RegistrationState{Phase: sip.Registering})
	assert.NotContains(t, scrape(t, m), `registered{account="a@pbx"}`)
	m.Registration("a@pbx", sip.RegistrationState{Phase: sip.Registered, Code: 200})
	assert.Equal(t, "1", scrape(t, m)[`registered{account="a@pbx"}`])
	m.Registration("a@pbx", sip.RegistrationState{Phase: sip.Retrying, Code: 503})
	got := scrape(t, m)
	assert.Equal(t, "0", got[`registered{account="a@pbx"}`])
	assert.Equal(t, "1", got[`registrations_total{account="a@pbx",code="503",result="retrying"}`])
	m.Forget("a@pbx")
	assert.NotContains(t, scrape(t, m), `registered{account="a@pbx"}`)
}
