package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/softphone-go/softphone/control/api"
)

// HistoryQuery selects calls; zero fields select all.
type HistoryQuery struct {
	Types     []string // PhoneCall 1.3, history.type: "MISSED", ...
	Number    string   // in any spelling
	Direction string   // "in" or "out"
	Account   string
	Since     time.Time // began at or after
	Until     time.Time // began before
	Before    int64     // older than the call of this id: History.Next of the last page
	Limit     int       // calls in one answer; 0: 100, at most 5,000
}

// History returns one page of the calls that were, newest first.
func (c *Client) History(ctx context.Context, in HistoryQuery) (api.History, error) {
	q := make(url.Values)
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	set("type", strings.Join(in.Types, ","))
	set("number", in.Number)
	set("direction", in.Direction)
	set("account", in.Account)
	set("since", at(in.Since))
	set("until", at(in.Until))
	if in.Before > 0 {
		set("before", strconv.FormatInt(in.Before, 10))
	}
	if in.Limit > 0 {
		set("limit", strconv.Itoa(in.Limit))
	}
	var out api.History
	err := c.call(ctx, http.MethodGet, "/v1/history", q, nil, &out)
	return out, err
}
