package sip

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serveInto hands invitations over a channel until the test is over.
func (w *world) serveInto(ctx context.Context) chan *Invitation {
	got := make(chan *Invitation, 8)
	go func() { _ = w.ua.Serve(ctx, func(i *Invitation) { got <- i }) }()
	synctest.Wait()
	return got
}

// replacesLeg is a leg's dialog as we, its receiver, know it.
func (l *leg) replaces() string {
	return "Replaces: " + Replaces{CallID: l.callID, ToTag: l.other, FromTag: l.local}.String()
}

func TestReplaces_AnsweredCallIsHandedOver_RFC3891_3(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, l := w.establish()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		got := w.serveInto(ctx)
		w.p.invite("alice", "offer", l.replaces(), "Require: replaces")
		w.p.response(100)
		i := <-got
		require.Same(t, d, i.Replaced())
		require.Equal(t, Replaces{CallID: l.callID, ToTag: l.local, FromTag: l.other}, d.Replaces(), "as the peer knows it")
		require.NoError(t, i.Reject(486, ""))
		w.p.response(486)
	})
}

func TestReplaces_EarlyCallOfOurs_RFC3891_3(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		got := w.serveInto(ctx)
		c := w.call()
		inv := w.p.request("INVITE")
		w.p.reply(inv, 180, "Ringing", "t1", "")
		next[Sent](t, c)
		p := next[Provisional](t, c)
		l := w.p.legOf(inv, "t1")
		w.p.invite("alice", "offer", l.replaces()+";early-only")
		w.p.response(100)
		i := <-got
		require.Same(t, p.Dialog, i.Replaced())
		require.NoError(t, i.Reject(486, ""))
		w.p.response(486)
	})
}

func TestReplaces_Errors_RFC3891_3(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		got := w.serveInto(ctx)
		// rings here: an early dialog that we did not begin
		_, _ = w.p.invite("alice", "offer")
		w.p.response(100)
		ringing := <-got
		require.NoError(t, ringing.Ring(180, nil))
		ring := w.p.response(180)
		early := &leg{callID: ring.get("Call-ID"), other: ring.tag("To"), local: ring.tag("From")}
		_, up := w.establish()
		refused := func(code int, extra ...string) {
			t.Helper()
			w.p.invite("alice", "offer", extra...)
			w.p.response(code)
			synctest.Wait()
			require.Empty(t, got)
		}
		refused(481, early.replaces())
		refused(481, "Replaces: nobody@here;to-tag=1;from-tag=2")
		refused(486, up.replaces()+";early-only")
		refused(400, up.replaces(), up.replaces())
		refused(400, up.replaces(), "Join: x;to-tag=1;from-tag=2")
		refused(400, "Replaces: x;to-tag=1")
		refused(400, "Replaces: ;to-tag=1;from-tag=2")
		refused(481, "Replaces: "+up.callID+";to-tag="+up.local+";from-tag="+up.other) // tags the wrong way round
		up.send("BYE", "")
		w.p.response(200)
		refused(603, up.replaces())
		w.p.invite("alice", "offer", "Require: replaces, 100rel-not")
		assert.Equal(t, []string{"100rel-not"}, w.p.response(420).all("Unsupported"))
		require.NoError(t, ringing.Reject(486, ""))
		w.p.response(486)
	})
}

func FuzzReplaces(f *testing.F) {
	f.Add("98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff")
	f.Add("12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only")
	f.Add("87134@171.161.34.23;to-tag=24796;from-tag=0;x=\"y;z\"")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseReplaces(s)
		if err != nil {
			return
		}
		again, err := ParseReplaces(r.String())
		require.NoError(t, err, r.String())
		require.Equal(t, r, again)
	})
}
