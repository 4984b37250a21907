package control

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/softphone-go/softphone/control/api"
)

// outletError says that a reader did not take what it was sent.
type outletError struct{ err error }

func (e *outletError) Error() string { return "the reader did not take an event: " + e.err.Error() }
func (e *outletError) Unwrap() error { return e.err }

// webSocket streams events as text messages (RFC 6455). Nothing is expected from
// the reader; a message of its own ends the stream.
func (s *Server) webSocket(w http.ResponseWriter, r *http.Request, since uint64) {
	// The gate has checked Host and Origin.
	c, err := websocket.Accept(&handshake{w, false}, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		s.log.Debug("no WebSocket", "error", err)
		write(w, problem(http.StatusBadRequest, api.CodeBadRequest, "the WebSocket handshake is not as RFC 6455 has it"))
		return
	}
	defer func() { _ = c.CloseNow() }()
	// The request's context means nothing once the connection is taken over.
	ctx := c.CloseRead(s.base)
	err = s.deliver(ctx, since, socketOutlet{c: c, limit: s.cfg.WriteTimeout})
	var slow *outletError
	switch {
	case err == nil:
		_ = c.Close(websocket.StatusGoingAway, "the phone stops")
	case errors.As(err, &slow), ctx.Err() != nil:
	default:
		_ = c.Close(websocket.StatusInternalError, "the journal cannot be read")
	}
	s.parted("WebSocket", err)
}

// handshake keeps back what the library says about one that failed: a problem is
// said in its place.
type handshake struct {
	http.ResponseWriter
	failed bool
}

func (h *handshake) WriteHeader(status int) {
	if h.failed = status >= http.StatusBadRequest; !h.failed {
		h.ResponseWriter.WriteHeader(status)
	}
}

func (h *handshake) Write(p []byte) (int, error) {
	if h.failed {
		return len(p), nil
	}
	return h.ResponseWriter.Write(p)
}

// Unwrap lets the library take the connection over.
func (h *handshake) Unwrap() http.ResponseWriter { return h.ResponseWriter }

type socketOutlet struct {
	c     *websocket.Conn
	limit time.Duration
}

func (o socketOutlet) event(ctx context.Context, _ uint64, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	if err := o.c.Write(ctx, websocket.MessageText, data); err != nil {
		return &outletError{err}
	}
	return nil
}

// alive waits for the answer to a ping.
func (o socketOutlet) alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	if err := o.c.Ping(ctx); err != nil {
		return &outletError{err}
	}
	return nil
}

// parted logs how a stream ended.
func (s *Server) parted(kind string, err error) {
	var slow *outletError
	switch {
	case err == nil:
		s.log.Debug("an event stream ends with the phone", "kind", kind)
	case errors.As(err, &slow) && isTimeout(slow.err):
		s.log.Warn("an event stream was cut off: its reader was too slow; it may come back with the number of its last event", "kind", kind)
	default:
		s.log.Debug("an event stream ended", "kind", kind, "error", err)
	}
}

// isTimeout reports whether a write ended by its deadline.
func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}
