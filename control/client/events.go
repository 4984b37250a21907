package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"github.com/softphone-go/softphone/control/api"
)

// Now as a position in the events means from now on; 0 means all there are.
const Now uint64 = math.MaxUint64

const (
	maxEvent    = 4 << 20 // bytes
	reconnectIn = 100 * time.Millisecond
	reconnectTo = 5 * time.Second
)

// Stream is a stream of events. One goroutine at a time uses it.
type Stream struct {
	conn *websocket.Conn
	at   uint64
}

// Events opens the stream of events after the one numbered since.
func (c *Client) Events(ctx context.Context, since uint64) (*Stream, error) {
	address := c.base + "/v1/events"
	if since != Now {
		address += "?since=" + strconv.FormatUint(since, 10)
	}
	header := make(http.Header)
	c.authorize(header)
	conn, resp, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: c.http, HTTPHeader: header}) //nolint:bodyclose // the library closes it
	if err != nil {
		return nil, c.refusedStream(resp, err)
	}
	conn.SetReadLimit(maxEvent)
	at, err := strconv.ParseUint(resp.Header.Get(api.HeaderSequence), 10, 64)
	if err != nil {
		_ = conn.CloseNow()
		return nil, fmt.Errorf("the phone does not say where its events begin (%s is missing)", api.HeaderSequence)
	}
	return &Stream{conn: conn, at: at}, nil
}

// refusedStream says why there is no stream. The handshake of the library keeps
// the beginning of the answer, in which a problem has room.
func (c *Client) refusedStream(resp *http.Response, err error) error {
	if resp == nil || resp.Body == nil {
		return c.unreachable(err)
	}
	data := make([]byte, maxToken*8)
	n, _ := resp.Body.Read(data)
	return problemOf(resp, data[:n])
}

// Seq returns the number of the last event that Next returned, or where the
// stream began. A stream that is opened anew with it misses nothing.
func (s *Stream) Seq() uint64 { return s.at }

// Next waits for the next event. Any error ends the stream, that of ctx too; it is
// an *EndError when the phone ended it.
func (s *Stream) Next(ctx context.Context) (api.Event, error) {
	_, data, err := s.conn.Read(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return api.Event{}, context.Cause(ctx)
		}
		var closed websocket.CloseError
		if errors.As(err, &closed) {
			return api.Event{}, &EndError{Reason: closed.Reason, Stopped: closed.Code == websocket.StatusGoingAway}
		}
		return api.Event{}, fmt.Errorf("the stream of events broke off: %w", err)
	}
	var ev api.Event
	if err := json.Unmarshal(data, &ev); err != nil {
		return api.Event{}, fmt.Errorf("the phone sent what is no event: %w", err)
	}
	if seq := ev.Seq(); seq > 0 || ev.Type == api.TypeGap {
		s.at = seq
	}
	return ev, nil
}

// EndError says that the phone ended a stream.
type EndError struct {
	Reason  string
	Stopped bool // the phone has stopped, and all its events were delivered
}

func (e *EndError) Error() string {
	return "the phone ended the stream of events: " + e.Reason
}

// Close ends the stream.
func (s *Stream) Close() { _ = s.conn.CloseNow() }

// Follow hands every event after since to f, in order and each once, and comes
// back by itself when the stream breaks off. It returns f's error, ctx's error,
// an *EndError when the phone has stopped, and the error of the first attempt if
// that fails. When events are missing, f gets an event of api.TypeGap in their
// place.
func (c *Client) Follow(ctx context.Context, since uint64, f func(api.Event) error) error {
	s, err := c.Events(ctx, since)
	if err != nil {
		return err
	}
	defer func() { s.Close() }()
	for {
		ev, err := s.Next(ctx)
		if err == nil {
			if err := f(ev); err != nil {
				return err
			}
			continue
		}
		var end *EndError
		if ctx.Err() != nil || errors.As(err, &end) && end.Stopped {
			return err
		}
		s.Close()
		if s, err = c.again(ctx, s); err != nil {
			return err
		}
	}
}

// again opens a stream where the last one broke off, trying until ctx ends or
// the phone refuses.
func (c *Client) again(ctx context.Context, last *Stream) (*Stream, error) {
	for wait := reconnectIn; ; wait = min(2*wait, reconnectTo) {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return last, context.Cause(ctx)
		}
		s, err := c.Events(ctx, last.at)
		if err == nil {
			return s, nil
		}
		var p *api.Problem
		if errors.As(err, &p) && p.Status < http.StatusInternalServerError {
			return last, err
		}
	}
}
