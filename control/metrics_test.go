package control_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/softphone-go/softphone/control"
	"github.com/softphone-go/softphone/control/api"
)

// The figures need the token as all else does, unless the phone was told to
// give them to anybody on this machine; nothing else is given then.
func TestMetrics_BehindTheTokenUnlessTold(t *testing.T) {
	f := newFixture(t)
	resp, text := f.ask("GET", "/metrics", "")
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "softphone_calls 0\n", text)
	resp, text = f.ask("GET", "/metrics", "", without("Authorization"))
	isProblem(t, resp, text, 401, api.CodeUnauthorized)

	f = newFixture(t, func(c *control.Config) { c.OpenMetrics = true })
	resp, _ = f.ask("GET", "/metrics", "", without("Authorization"))
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	for _, r := range [][2]string{{"POST", "/metrics"}, {"GET", "/metrics/"}, {"GET", "/v1/context"}} {
		resp, text = f.ask(r[0], r[1], "", without("Authorization"))
		isProblem(t, resp, text, 401, api.CodeUnauthorized)
	}
	resp, text = f.ask("GET", "/metrics", "", without("Authorization"), func(r *http.Request) { r.Host = "phone.example" })
	isProblem(t, resp, text, 421, api.CodeHostNotAllowed)
}
