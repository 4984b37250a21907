package dialer

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// logLine is a line of the log that tells of a call.
type logLine struct {
	Msg  string
	Call string
	Code int
}

// logText keeps the log of one phone.
type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// logged reads what was logged so far.
func logged(t *testing.T, b *logText) (lines []logLine, text string) {
	t.Helper()
	text = b.String()
	for l := range strings.Lines(text) {
		var line logLine
		require.NoError(t, json.Unmarshal([]byte(l), &line), l)
		lines = append(lines, line)
	}
	return lines, text
}

// Every line about a call says which one, and with which SIP code it went on;
// no line says who called whom.
func TestLog_LinesCarryCallAndCode(t *testing.T) {
	var a, b logText
	inWorld(t, func(side string, c *Config) {
		to := &a
		if side == "b" {
			to = &b
		}
		c.Logger = slog.New(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: slog.LevelInfo}))
	}, func(w *world) {
		out, in := w.connected(w.a, w.b)
		require.NoError(t, out.Hangup(context.Background()))
		w.a.outcome(out)
		w.b.outcome(in)
		busy := w.a.dial(w.b)
		refused := w.b.arrived()
		require.NoError(t, refused.Reject(context.Background(), 486))
		w.a.outcome(busy)
		w.b.outcome(refused)
		pass(time.Second)
		for _, c := range []struct {
			log       *logText
			call, not *Call
			want      []string
		}{
			{&a, out, busy, []string{"call dialing 0", "call ringing 180", "call answered 200", "call ended 200"}},
			{&a, busy, out, []string{"call dialing 0", "call ringing 180", "call ended 486"}},
			{&b, in, refused, []string{"call incoming 0", "call answered 200", "call ended 200"}},
			{&b, refused, in, []string{"call incoming 0", "call ended 486"}},
		} {
			lines, text := logged(t, c.log)
			assert.NotContains(t, text, "sip:")
			var got []string
			for _, l := range lines {
				assert.Contains(t, []string{c.call.ID(), c.not.ID()}, l.Call, "%+v", l)
				if l.Call == c.call.ID() {
					got = append(got, l.Msg+" "+itoa(l.Code))
				}
			}
			assert.Equal(t, c.want, got)
		}
	})
}

func itoa(n int) string {
	raw, _ := json.Marshal(n)
	return string(raw)
}

// What the SIP stack has to say of a call carries it too.
func TestLog_OfTheStackCarriesTheCall(t *testing.T) {
	var b logText
	inWorld(t, func(side string, c *Config) {
		if side == "a" {
			c.Logger = slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}
	}, func(w *world) {
		c := w.a.dial(w.b)
		w.b.arrived()
		w.a.log.await(t, EventRinging)
		w.net.Cut(addrB, true)
		go func() { _ = c.Hangup(context.Background()) }()
		w.a.outcome(c)
		pass(time.Minute)
		lines, text := logged(t, &b)
		assert.Contains(t, text, "sip: CANCEL was not answered")
		for _, l := range lines {
			assert.Equal(t, c.ID(), l.Call, "%+v", l)
		}
	})
}
