package control_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/control"
	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/control/client"
	"github.com/softphone-go/softphone/store"
)

// reader reads a stream of either kind.
type reader interface {
	Next(ctx context.Context) (api.Event, error)
	Seq() uint64
	Close()
}

// sse reads server-sent events as a browser does.
type sse struct {
	resp *http.Response
	in   *bufio.Reader
	last string // Last-Event-ID
}

func (s *sse) Close() { _ = s.resp.Body.Close() }

func (s *sse) Seq() uint64 {
	n, _ := strconv.ParseUint(s.last, 10, 64)
	return n
}

func (s *sse) Next(context.Context) (ev api.Event, err error) {
	id, data := s.last, ""
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return ev, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			id = value
		case "data":
			data = value
		case "":
			s.last = id
			if data != "" {
				return ev, json.Unmarshal([]byte(data), &ev)
			}
		}
	}
}

func openSSE(t *testing.T, address, token string, since uint64, use *http.Transport) *sse {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address+"/v1/events", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "text/event-stream")
	if since != client.Now {
		req.Header.Set("Last-Event-ID", strconv.FormatUint(since, 10))
	}
	resp, err := use.RoundTrip(req)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	return &sse{resp: resp, in: bufio.NewReader(resp.Body)}
}

// open opens a stream of that kind.
func (f *fixture) open(kind string, since uint64) reader {
	f.t.Helper()
	if kind == "sse" {
		return openSSE(f.t, f.server.Address(), f.token(), since, &http.Transport{DisableKeepAlives: true})
	}
	s, err := f.client.Events(f.t.Context(), since)
	require.NoError(f.t, err)
	return s
}

var kinds = []string{"websocket", "sse"}

func TestEvents_Envelope(t *testing.T) {
	f := newFixture(t)
	at := time.Date(2026, 11, 21, 9, 0, 0, 123_000_000, time.UTC)
	_, err := f.store.AppendWait(t.Context(), store.Event{ID: "run-1", Type: "call.answered", Subject: "calls/01a2", Time: at, Data: []byte(`{"call":"01a2"}`)}, nil)
	require.NoError(t, err)
	for _, kind := range kinds {
		s := f.open(kind, 0)
		ev, err := s.Next(t.Context())
		require.NoError(t, err)
		s.Close()
		text, err := json.Marshal(ev)
		require.NoError(t, err)
		assert.JSONEq(t, `{"specversion":"1.0","id":"run-1","source":"/devices/kitchen","type":"com.github.softphone-go.call.answered",
			"subject":"calls/01a2","time":"2026-11-21T09:00:00.123Z","sequence":"0000000001","data":{"call":"01a2"}}`, string(text), kind)
		assert.Equal(t, uint64(1), s.Seq(), kind)
	}
}

// Readers that break off at any place and come back with the number of their
// last event see each event once and in order, while events are written.
func TestEvents_NothingMissedOverReconnects(t *testing.T) {
	f := newFixture(t)
	const count = 600
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := range count {
			f.store.Append(store.Event{Type: "call.dtmf", Subject: "calls/" + strconv.Itoa(i%3), Data: fmt.Appendf(nil, `{"n":%d}`, i+1)}, nil, nil)
		}
	}()
	done := make(chan error, 4)
	for i, kind := range append(kinds, kinds...) { // two of each at once
		rnd := rand.New(rand.NewPCG(uint64(i), 4))
		go func() {
			next, breaks := uint64(1), 0
			for next <= count {
				s := f.open(kind, next-1)
				breaks++
				for left := 1 + rnd.IntN(40); left > 0 && next <= count; left-- {
					ev, err := s.Next(t.Context())
					if err == nil && (ev.Seq() != next || string(ev.Data) != fmt.Sprintf(`{"n":%d}`, next)) {
						err = fmt.Errorf("%s: event %d instead of %d: %s", kind, ev.Seq(), next, ev.Data)
					}
					if err != nil {
						done <- err
						return
					}
					next++
				}
				s.Close()
			}
			if breaks < 10 {
				done <- fmt.Errorf("%s: came back %d times only", kind, breaks)
				return
			}
			done <- nil
		}()
	}
	for range cap(done) {
		require.NoError(t, <-done)
	}
	<-written
}

func TestEvents_LiveFromNow(t *testing.T) {
	f := newFixture(t)
	f.event("call.incoming", "calls/1", `{}`)
	for _, kind := range kinds {
		s := f.open(kind, client.Now)
		last := f.event("call.ended", "calls/1", `{}`)
		ev, err := s.Next(t.Context())
		require.NoError(t, err)
		assert.Equal(t, last, ev.Seq(), kind)
		s.Close()
	}
	f.refused(400, api.CodeBadRequest, "GET", "/v1/events", "", func(r *http.Request) { // a handshake without its key
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket")
	})
}

// The number where a live stream begins is told at once: a reader that breaks
// off before its first event misses nothing either.
func TestEvents_BreakBeforeTheFirstEvent(t *testing.T) {
	f := newFixture(t)
	f.event("call.incoming", "calls/1", `{}`)
	ws, err := f.client.Events(t.Context(), client.Now)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), ws.Seq())
	ws.Close()
	s := f.open("sse", client.Now).(*sse)
	assert.Equal(t, "1", s.resp.Header.Get(api.HeaderSequence))
	var begin []string
	for range 3 {
		line, err := s.in.ReadString('\n')
		require.NoError(t, err)
		begin = append(begin, line)
	}
	assert.Equal(t, []string{"retry: 1000\n", "id: 1\n", "\n"}, begin)
	s.Close()
}

func TestEvents_GapIsTold(t *testing.T) {
	f := newFixture(t)
	for range 10 {
		f.event("call.dtmf", "calls/1", `{}`)
	}
	require.NoError(t, f.store.Prune(t.Context(), 3))
	for _, kind := range kinds {
		for since, want := range map[uint64]api.Gap{0: {Since: 0, First: 8}, 5: {Since: 5, First: 8}, 99: {Since: 99, First: 8}} {
			s := f.open(kind, since)
			ev, err := s.Next(t.Context())
			require.NoError(t, err)
			assert.Equal(t, api.TypeGap, ev.Type)
			var gap api.Gap
			require.NoError(t, json.Unmarshal(ev.Data, &gap))
			assert.Equal(t, want, gap, kind)
			assert.Equal(t, uint64(7), s.Seq(), kind)
			s.Close()
			s = f.open(kind, s.Seq()) // the gap is told once
			for seq := uint64(8); seq <= 10; seq++ {
				ev, err = s.Next(t.Context())
				require.NoError(t, err)
				assert.Equal(t, seq, ev.Seq())
				assert.Equal(t, api.TypePrefix+"call.dtmf", ev.Type)
			}
			s.Close()
		}
	}
}

func TestEvents_Refused(t *testing.T) {
	f := newFixture(t)
	resp, text := f.ask("GET", "/v1/events", "")
	p := isProblem(t, resp, text, 426, api.CodeUpgradeRequired)
	assert.Equal(t, "websocket", resp.Header.Get("Upgrade"), "RFC 9110 §15.5.22")
	assert.Contains(t, p.Detail, "text/event-stream")
	for _, bad := range []string{"?stream=sse&since=x", "?stream=sse&since=-1", "?stream=sse&since=1e3", "?stream=sse&since=99999999999999999999", "?stream=tcp"} {
		f.refused(422, api.CodeInvalid, "GET", "/v1/events"+bad, "")
	}
	f.refused(422, api.CodeInvalid, "GET", "/v1/events?stream=sse&since=1", "", func(r *http.Request) { r.Header.Set("Last-Event-ID", "x") })
}

// Of a reader that is gone nothing stays, and its place is free again.
func TestEvents_PlacesAreFreedAgain(t *testing.T) {
	f := newFixture(t, func(c *control.Config) { c.MaxStreams = 2 })
	free := func() bool { // two places are
		var open []*client.Stream
		for range 2 {
			s, err := f.client.Events(t.Context(), client.Now)
			if err == nil {
				open = append(open, s)
			}
		}
		for _, s := range open {
			s.Close()
		}
		return len(open) == 2
	}
	one, two := f.open("websocket", client.Now), f.open("sse", client.Now)
	f.refused(503, api.CodeTooManyStreams, "GET", "/v1/events?stream=sse", "")
	_, err := f.client.Events(t.Context(), client.Now)
	requireProblem(t, err, 503, api.CodeTooManyStreams)
	one.Close()
	two.Close()
	require.Eventually(t, free, soon, time.Millisecond)
}

// At the end, open streams get all there is and are told that it is the end.
func TestClose_StreamsGetAllThereIs(t *testing.T) {
	f := newFixture(t)
	var open []reader
	for _, kind := range kinds {
		open = append(open, f.open(kind, 0), f.open(kind, client.Now))
	}
	const count = 700 // more than a page of the cursor
	for range count - 1 {
		f.store.Append(store.Event{Type: "call.dtmf", Data: []byte(`{}`)}, nil, nil)
	}
	require.Equal(t, uint64(count), f.event("phone.stopped", "phone", `{}`))
	closed := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		closed <- f.server.Close(ctx)
	}()
	for i, s := range open {
		for seq := uint64(1); seq <= count; seq++ {
			ev, err := s.Next(t.Context())
			require.NoError(t, err)
			require.Equal(t, seq, ev.Seq())
		}
		_, err := s.Next(t.Context())
		if i < 2 {
			var end *client.EndError
			require.ErrorAs(t, err, &end)
			assert.True(t, end.Stopped)
		} else {
			assert.ErrorIs(t, err, io.EOF)
		}
		s.Close()
	}
	require.NoError(t, <-closed)
	_, err := f.client.Events(t.Context(), 0)
	assert.ErrorContains(t, err, "cannot be reached")
	<-f.server.Done()
}
