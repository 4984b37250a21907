package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/store"
)

// sourceOf is the source of a device's events, a URI reference.
func sourceOf(device string) string { return "/devices/" + url.PathEscape(device) }

// envelope puts an event of the journal into its CloudEvents envelope.
func (s *Server) envelope(ev store.Event) api.Event {
	return api.Event{
		SpecVersion: api.SpecVersion, ID: ev.ID, Source: s.source, Type: api.TypePrefix + ev.Type, Subject: ev.Subject,
		Time: ev.Time, Sequence: api.FormatSequence(ev.Seq), Data: ev.Data,
	}
}

// gapEvent tells a reader that events are missing. Its sequence is that of the
// last one that is missing: whoever comes back with it goes on behind the gap.
func (s *Server) gapEvent(gap *store.GapError) api.Event {
	data, err := json.Marshal(api.Gap{Since: gap.Since, First: gap.First})
	if err != nil { // two numbers marshal
		data = nil
	}
	return api.Event{
		SpecVersion: api.SpecVersion, ID: fmt.Sprintf("gap-%d-%d", gap.Since, gap.First), Source: s.source, Type: api.TypeGap,
		Time: time.Now().UTC(), Sequence: api.FormatSequence(max(gap.First, 1) - 1), Data: data,
	}
}

// outlet is one reader of a stream. Its methods return when what they sent has
// been taken, or fail when that takes too long.
type outlet interface {
	event(ctx context.Context, seq uint64, data []byte) error
	alive(ctx context.Context) error // a sign of life
}

// deliver hands all events after since to the outlet, until ctx ends, the outlet
// fails (*outletError), or the server is closing and all events up to the last one
// are delivered (nil).
func (s *Server) deliver(ctx context.Context, since uint64, to outlet) error {
	cursor := s.cfg.Journal.Cursor(since)
	// The wait for a next event ends when the server is closed; what is in the
	// journal by then is read under ctx.
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(s.open, cancel)
	defer stop()
	for {
		if last, ended := s.ending(); ended {
			if running = ctx; cursor.Seq() >= last {
				return nil
			}
		}
		quiet, done := context.WithTimeout(running, s.cfg.PingEvery)
		ev, err := cursor.Next(quiet)
		late := quiet.Err() != nil
		done()
		var gap *store.GapError
		var out api.Event
		switch {
		case err == nil:
			out = s.envelope(ev)
		case errors.As(err, &gap):
			out = s.gapEvent(gap)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case running.Err() != nil:
			continue // the server is closing
		case late:
			if err := to.alive(ctx); err != nil {
				return err
			}
			continue
		default:
			return err
		}
		data, err := json.Marshal(out)
		if err != nil {
			return err
		}
		if err := to.event(ctx, out.Seq(), data); err != nil {
			return err
		}
	}
}

func (s *Server) ending() (last uint64, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.ended
}

// begin counts a stream, or refuses it.
func (s *Server) begin() *api.Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return problem(http.StatusServiceUnavailable, api.CodeStopping, "the phone is stopping")
	case s.streams >= s.cfg.MaxStreams:
		return problem(http.StatusServiceUnavailable, api.CodeTooManyStreams, fmt.Sprintf("%d event streams are open; close one of them", s.streams))
	}
	s.streams++
	s.wait.Add(1)
	return nil
}

func (s *Server) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams--
	s.wait.Done()
}

// events answers GET /v1/events.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	kind, refused := kindOf(r)
	if refused != nil {
		if refused.Status == http.StatusUpgradeRequired { // RFC 9110 §15.5.22
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Connection", "Upgrade")
		}
		write(w, refused)
		return
	}
	since, live, refused := sinceOf(r)
	if refused != nil {
		write(w, refused)
		return
	}
	if refused := s.begin(); refused != nil {
		write(w, refused)
		return
	}
	defer s.finish()
	if live {
		var err error
		if since, err = s.cfg.Journal.LastSeq(r.Context()); err != nil {
			s.log.Error("the journal cannot be read", "error", err)
			write(w, problem(http.StatusInternalServerError, api.CodeInternal, "the journal cannot be read; the phone's log says why"))
			return
		}
	}
	w.Header().Set(api.HeaderSequence, strconv.FormatUint(since, 10))
	if kind == kindSSE {
		s.serverSent(w, r, since)
	} else {
		s.webSocket(w, r, since)
	}
}

type streamKind int

const (
	kindWebSocket streamKind = iota + 1
	kindSSE
)

// kindOf tells which of the two streams a request asks for.
func kindOf(r *http.Request) (streamKind, *api.Problem) {
	switch stream := r.URL.Query().Get("stream"); {
	case strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		return kindWebSocket, nil
	case stream == "sse", stream == "" && strings.Contains(r.Header.Get("Accept"), "text/event-stream"):
		return kindSSE, nil
	case stream != "":
		return 0, problem(http.StatusUnprocessableEntity, api.CodeInvalid, "the request is not as /openapi.json describes it",
			api.FieldError{Location: "query.stream", Message: "must be sse; a WebSocket is asked for by its handshake"})
	}
	return 0, problem(http.StatusUpgradeRequired, api.CodeUpgradeRequired,
		"events come as a WebSocket (send its handshake) or as server-sent events (send Accept: text/event-stream, or stream=sse)")
}

// sinceOf reads where a stream begins; live is from now on. Last-Event-ID wins:
// a browser that reconnects sends it beside the since of its first request.
func sinceOf(r *http.Request) (since uint64, live bool, _ *api.Problem) {
	at, text := "header.Last-Event-ID", r.Header.Get("Last-Event-ID")
	if text == "" {
		at, text = "query.since", r.URL.Query().Get("since")
	}
	if text == "" {
		return 0, true, nil
	}
	since, err := strconv.ParseUint(text, 10, 62)
	if err != nil {
		return 0, false, problem(http.StatusUnprocessableEntity, api.CodeInvalid, "the request is not as /openapi.json describes it",
			api.FieldError{Location: at, Message: "must be the sequence number of an event, or 0 for all there are"})
	}
	return since, false, nil
}

func (s *Server) serveEvents(r router) {
	text := func(description string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Description: description}
	}
	number := &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9]+$"}
	op := r.describe(huma.Operation{
		OperationID: "followEvents", Method: http.MethodGet, Path: "/v1/events", Tags: []string{"events"},
		Summary: "Follow what happens",
		Description: "The journal as a WebSocket (one event a message) or as server-sent events (one event each, its number as id): " +
			"all events after since, then those that come. Without since, those from now on; " + api.HeaderSequence + " in the answer is where that is. " +
			"A reader that comes back with the number of its last event misses nothing, or is told by events.gap. " +
			"Whoever does not read is cut off and may come back.",
		Parameters: []*huma.Param{
			{Name: "since", In: "query", Schema: number, Description: "Events after this one; 0 for all there are."},
			{Name: "stream", In: "query", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"sse"}}, Description: "As Accept: text/event-stream."},
			{Name: "Last-Event-ID", In: "header", Schema: number, Description: "As since, and wins over it."},
		},
		Responses: map[string]*huma.Response{
			"101": {Description: "A WebSocket; each message is an Event."},
			"200": {Description: "Server-sent events; each data is an Event.", Content: map[string]*huma.MediaType{
				"text/event-stream": {Schema: text("id: SEQUENCE, data: an Event as JSON.")},
			}},
		},
	}, map[int]string{
		http.StatusUpgradeRequired:    "The request asks for neither of the two.",
		http.StatusServiceUnavailable: "The phone is stopping, or too many streams are open.",
	})
	for _, status := range []string{"101", "200"} {
		op.Responses[status].Headers = map[string]*huma.Param{api.HeaderSequence: {
			Description: "The stream begins after this event.", Schema: number,
		}}
	}
	r.schema(api.Event{})
	r.schema(api.Gap{})
	r.OpenAPI().AddOperation(&op)
	r.mux.HandleFunc("GET /v1/events", s.events)
}
