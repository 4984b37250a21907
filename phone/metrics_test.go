package phone_test

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/config"
)

func (u *user) figures() string {
	w := httptest.NewRecorder()
	u.counts.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// A call between two phones is in the figures of both.
func TestPhone_Metrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "01011112222", "01033334444")
		defer w.close(t)
		alice := w.phone(t, "10.0.0.2", "01011112222", config.ModePhone)
		defer alice.close(t)
		bob := w.phone(t, "10.0.0.3", "01033334444", config.ModePhone)
		defer bob.close(t)
		assert.Contains(t, alice.figures(), `softphone_registered{account="01011112222"} 1`)
		alice.tell(t, "MakeCall", `{"callType":"NORMAL","recipient":{"name":"Bob","type":"CONTACT","contacts":[{"number":"010-3333-4444"}]}}`)
		time.Sleep(time.Second)
		bob.tell(t, "AcceptCall", `{"speakerPhone":false}`)
		time.Sleep(5 * time.Second)
		assert.Contains(t, alice.figures(), `softphone_calls{direction="outbound"} 1`)
		for _, figure := range []string{`calls_heard{side="local"} 1`, `call_mos{of="worst",side="local"} 4.`, `rtp_jitter_seconds{of="median",side="local"} 0`} {
			assert.Contains(t, alice.figures(), "softphone_live_"+figure)
		}
		bob.tell(t, "EndCall", `{}`)
		time.Sleep(time.Second)
		for u, direction := range map[*user]string{alice: "outbound", bob: "inbound"} {
			got := u.figures()
			assert.Contains(t, got, `softphone_calls{direction="`+direction+`"} 0`)
			assert.Contains(t, got, `softphone_calls_total{code="200",direction="`+direction+`",outcome="completed"} 1`)
			assert.Contains(t, got, `softphone_call_setup_seconds_count{direction="`+direction+`"} 1`)
			assert.Contains(t, got, `softphone_call_mos_count 1`)
			assert.Contains(t, got, `softphone_live_calls_heard{side="local"} 0`)
			assert.NotContains(t, got, "softphone_live_call_mos{")
		}
		require.NoError(t, alice.RemoveAccount(t.Context(), "01011112222"))
		assert.NotContains(t, alice.figures(), "01011112222", "an account that is gone")
	})
}
