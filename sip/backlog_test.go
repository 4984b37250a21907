package sip

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slow is a handler that has no time until release.
type slow struct {
	w    *world
	gate chan struct{}
	got  chan *Invitation
}

func (w *world) slow() *slow {
	s := &slow{w: w, gate: make(chan struct{}), got: make(chan *Invitation, 100)}
	_, err := w.ua.Handle(func(i *Invitation) {
		<-s.gate
		s.got <- i
	})
	require.NoError(w.t, err)
	return s
}

func (s *slow) release() { close(s.gate) }

// fill sends n calls that nobody serves.
func (s *slow) fill(n int) {
	for range n {
		s.w.p.invite("alice", "offer")
		s.w.p.response(100)
	}
}

func TestBacklog_NewCallsAreTurnedAway_RFC3261_21_5_4(t *testing.T) {
	var log bytes.Buffer
	inBubble(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }, func(w *world) {
		_, up := w.accept()
		s := w.slow()
		s.fill(maxOverdue)
		time.Sleep(500 * time.Millisecond)
		s.fill(1) // nobody has waited for too long yet
		time.Sleep(time.Millisecond)
		l, text := w.p.invite("alice", "offer")
		refused := w.p.response(503)
		wait, err := strconv.Atoi(refused.get("Retry-After"))
		require.NoError(t, err)
		assert.True(t, 1 <= wait && wait <= 4, wait)
		assert.NotEmpty(t, refused.tag("To"))
		assert.Equal(t, "softphone", refused.get("Server"))
		l.other = refused.tag("To")
		w.p.write(us(), strings.ReplaceAll(strings.ReplaceAll(text, "INVITE", "ACK"), "To: "+l.to, "To: "+l.to+";tag="+l.other))
		w.p.silence(time.Second)
		// Calls that are up go on, and what belongs to one is let in.
		up.send("INFO", "x")
		w.p.response(200)
		w.p.invite("alice", "offer", up.replaces())
		w.p.response(100)
		up.send("BYE", "")
		w.p.response(200)
		s.release()
		synctest.Wait()
		require.Len(t, s.got, maxOverdue+2)
		// What is turned away stays so, and what is new is taken.
		w.p.write(us(), text)
		again := w.p.response(503)
		assert.Equal(t, refused.lines, again.lines)
		s.fill(1)
		synctest.Wait()
		require.Len(t, s.got, maxOverdue+3)
	})
	assert.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())
}

// An INVITE that comes again is the one that waits already: no matter how often,
// it is one call, and it is not turned away.
func TestBacklog_RepeatedRequestsCountOnce_RFC3261_17_2_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		s := w.slow()
		defer s.release()
		s.fill(maxOverdue - 1)
		_, text := w.p.invite("alice", "offer")
		w.p.response(100)
		for range 20 {
			time.Sleep(time.Second)
			w.p.write(us(), text)
			w.p.response(100)
		}
		w.p.invite("alice", "offer")
		w.p.response(503)
	})
	inBubble(t, nil, func(w *world) {
		got := w.serving()
		for range 2 * maxOverdue { // each is rung, and asked for again
			_, text := w.p.invite("alice", "offer")
			w.p.response(100)
			require.NoError(t, (<-got).Ring(180, nil))
			w.p.response(180)
			w.p.write(us(), text)
			w.p.response(180)
		}
		time.Sleep(time.Second)
		w.p.invite("alice", "offer")
		w.p.response(100)
	})
}

// Ringing is service, however long the handler goes on, and a few slow handlers
// are no overload.
func TestBacklog_ServedCallsDoNotCount(t *testing.T) {
	for _, tc := range []struct {
		name  string
		limit time.Duration
		n     int
		ring  bool
	}{
		{"ringing", 0, 3 * maxOverdue, true},
		{"few", 0, maxOverdue - 1, false},
		{"without bound", -1, 3 * maxOverdue, false},
	} {
		t.Log(tc.name)
		inBubble(t, func(c *Config) { c.MaxWait = tc.limit }, func(w *world) {
			gate := make(chan struct{})
			defer close(gate)
			_, err := w.ua.Handle(func(i *Invitation) {
				if tc.ring {
					_ = i.Ring(180, nil)
				}
				<-gate
			})
			require.NoError(t, err)
			for range tc.n {
				w.p.invite("alice", "offer")
				w.p.response(100)
				if tc.ring {
					w.p.response(180)
				}
			}
			time.Sleep(time.Second)
			w.p.invite("alice", "offer")
			w.p.response(100)
			if tc.ring {
				w.p.response(180)
			}
		})
	}
}

func TestBacklog_OverAConnection_RFC3261_21_5_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		s := w.slow()
		defer s.release()
		s.fill(maxOverdue)
		time.Sleep(501 * time.Millisecond)
		c := w.stream()
		defer func() { _ = c.Close() }()
		l := &leg{p: w.p, callID: "c", local: "x", seq: 1, uri: "sip:alice@" + ourAddr, from: "<sip:bob@b>", to: "<sip:alice@a>"}
		text := strings.ReplaceAll(l.text("INVITE", "z9hG4bKtcp", "offer"), "SIP/2.0/UDP", "SIP/2.0/TCP")
		for range 2 { // the connection stays
			_, err := c.Write([]byte(text))
			require.NoError(t, err)
			buf := make([]byte, 4096)
			n, err := c.Read(buf)
			require.NoError(t, err)
			assert.Equal(t, 503, readMessage(t, buf[:n], us()).code())
		}
	})
}

// Nothing is kept for ever, whatever becomes of it.
func TestBacklog_Forgets(t *testing.T) {
	b := newBacklog(time.Second)
	at := time.Now()
	invite := func(n int) *sipmsg.Request {
		p := &peer{addr: us()}
		l := &leg{p: p, callID: fmt.Sprint(n), local: "x", seq: 1, uri: "sip:a@b", from: "<sip:c@d>", to: "<sip:a@b>"}
		m, r := newGate(65535).check([]byte(l.text("INVITE", fmt.Sprint("z9hG4bK", n), "")))
		require.Nil(t, r)
		return m.(*sipmsg.Request)
	}
	never := func() bool { return false }
	for n := range maxOverdue {
		require.True(t, b.admits(invite(n), at, at, never))
	}
	later := at.Add(2 * time.Second)
	require.False(t, b.admits(invite(100), later, later, never))
	require.False(t, b.admits(invite(100), later, later, never))
	later = at.Add(keptINVITEs + time.Second)
	require.True(t, b.admits(invite(101), later, later, never), "what nobody ended is not waited for")
	require.False(t, b.admits(invite(100), later, later, never), "it was turned away")
	later = later.Add(2 * keptINVITEs)
	require.True(t, b.admits(invite(102), later, later, never))
	later = later.Add(2 * keptINVITEs)
	require.True(t, b.admits(invite(103), later, later, never))
	assert.Equal(t, 1, b.waiting.Len())
	assert.Len(t, b.index, 1)
	assert.LessOrEqual(t, len(b.kept)+len(b.before), 2)
}

// The system tells when a datagram came, or the time of reading does.
func TestArrivals(t *testing.T) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	p := newPacketConn(&UserAgent{}, c)
	defer func() { _ = c.Close() }()
	before := time.Now()
	_, err = c.WriteTo([]byte("hello"), c.LocalAddr())
	require.NoError(t, err)
	buf := make([]byte, 100)
	n, from, at, err := p.receive(buf)
	require.NoError(t, err)
	assert.Equal(t, "hello", string(buf[:n]))
	assert.Equal(t, c.LocalAddr().String(), from.String())
	// The two clocks may be read in different ways, a little apart.
	assert.WithinRange(t, at, before.Add(-50*time.Millisecond), time.Now())
}
