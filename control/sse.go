package control

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// reconnectAfter is what a reader is told to wait before it comes back.
const reconnectAfter = time.Second

// serverSent streams events as text/event-stream (HTML Living Standard §9.2).
// The end of the response is the end of the stream.
func (s *Server) serverSent(w http.ResponseWriter, r *http.Request, since uint64) {
	o := sseOutlet{w: w, c: http.NewResponseController(w), limit: s.cfg.WriteTimeout}
	// The deadline for reading the request would end the stream.
	if err := o.c.SetReadDeadline(time.Time{}); err != nil {
		s.log.Warn("an event stream may end early", "error", err)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	// The id comes at once, so that a reader which is cut off before its first
	// event comes back to where it was.
	err := o.send(fmt.Sprintf("retry: %d\nid: %d\n\n", reconnectAfter.Milliseconds(), since))
	if err == nil {
		err = s.deliver(r.Context(), since, o)
	}
	s.parted("server-sent events", err)
}

type sseOutlet struct {
	w     http.ResponseWriter
	c     *http.ResponseController
	limit time.Duration
}

func (o sseOutlet) event(_ context.Context, seq uint64, data []byte) error {
	return o.send(fmt.Sprintf("id: %d\ndata: %s\n\n", seq, data)) // JSON has no line breaks
}

// alive sends a comment, which readers pass over.
func (o sseOutlet) alive(context.Context) error { return o.send(":\n\n") }

func (o sseOutlet) send(text string) error {
	err := o.c.SetWriteDeadline(time.Now().Add(o.limit))
	if err == nil {
		_, err = o.w.Write([]byte(text))
	}
	if err == nil {
		err = o.c.Flush()
	}
	if err != nil {
		return &outletError{err}
	}
	return nil
}
