package sip

import (
	"context"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInvite_AnonymousIsKnownToTheRegistrarOnly_RFC3323_4_1(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.ua.Invite(context.Background(), InviteRequest{Account: w.account(), Target: carol, Anonymous: true})
		inv := w.p.request("INVITE")
		assert.True(t, strings.HasPrefix(inv.get("From"), `"Anonymous" <sip:anonymous@anonymous.invalid>`), inv.get("From"))
		assert.Equal(t, "id", inv.get("Privacy"))
		assert.Equal(t, "<sip:alice@example.com>", inv.get("P-Preferred-Identity"))
		assert.NotContains(t, inv.get("Contact"), "alice")
		w.p.reply(inv, 486, "Busy Here", "x", "")
		w.p.request("ACK")
		next[Sent](t, c)
		next[Final](t, c)
	})
}

func TestInvite_RedirectIsFollowedOnRequestOnly(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		var asked []string
		for _, may := range []func(URI) bool{nil, func(u URI) bool { asked = append(asked, u.User); return false }} {
			c := w.ua.Invite(context.Background(), InviteRequest{Account: w.account(), Target: carol, Redirect: may})
			w.p.reply(w.p.request("INVITE"), 302, "Moved", "x", "", "Contact: <sip:1900@10.0.0.2>")
			w.p.request("ACK")
			next[Sent](t, c)
			var e *StatusError
			require.ErrorAs(t, next[Final](t, c).Err, &e)
			assert.Equal(t, 302, e.Code)
		}
		assert.Equal(t, []string{"1900"}, asked)
	})
}

func TestInvitation_Redirect_RFC3261_8_3(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		got := w.serveInto(ctx)
		w.p.invite("alice", "offer", "Diversion: <sip:bob@example.com>;reason=user-busy;counter=2, <sip:x@example.com>;privacy=full",
			"User-to-User: 56a390f3;encoding=hex", "Answer-Mode: Auto")
		w.p.response(100)
		i := <-got
		assert.Equal(t, []Diversion{
			{By: Identity{URI: URI{Scheme: "sip", User: "bob", Host: "example.com"}}, Reason: "user-busy", Counter: 2},
			{By: Identity{URI: URI{Scheme: "sip", User: "x", Host: "example.com"}, Anonymous: true}, Counter: 1},
		}, i.Diversions())
		assert.Equal(t, "56a390f3;encoding=hex", i.UserToUser())
		_, ok := i.AutoAnswer()
		assert.True(t, ok)
		require.Error(t, i.Redirect(URI{}))
		require.NoError(t, i.Redirect(carol))
		assert.Equal(t, "<sip:carol@example.com>", w.p.response(302).get("Contact"))
		require.ErrorIs(t, i.Redirect(carol), ErrClosed)
		w.p.next(time.Minute) // repeated: the ACK is missing
	})
}

func TestAutoAnswer_HeadersOfRealPBXs_RFC5373(t *testing.T) {
	for field, want := range map[string]struct {
		after time.Duration
		ok    bool
	}{
		"Call-Info: <sip:pbx>;answer-after=0":                   {0, true},
		"Call-Info: <sip:pbx>;x=y, <a>; Answer-After = 5":       {5 * time.Second, true},
		"Call-Info: <sip:pbx>;answer-after=9999":                {maxAnswerAfter, true},
		"Call-Info: <sip:pbx>;answer-after=soon":                {0, false},
		"Call-Info: <http://x/answer-after=0>;purpose=icon":     {0, false},
		"Alert-Info: <http://x>;info=alert-autoanswer;delay=2":  {2 * time.Second, true},
		"Alert-Info: info=alert-autoanswer":                     {0, true},
		"Alert-Info: Auto Answer":                               {0, true},
		"Alert-Info: Ring Answer":                               {0, true},
		"Alert-Info: <http://127.0.0.1/intercom>;intercom=true": {0, true},
		"Alert-Info: <http://x>;info=alert-external":            {0, false},
		"Answer-Mode: Auto;require":                             {0, true},
		"Priv-Answer-Mode: auto":                                {0, true},
		"Answer-Mode: Manual":                                   {0, false},
		"Subject: Auto Answer":                                  {0, false},
	} {
		name, value, _ := strings.Cut(field, ": ")
		after, ok := autoAnswer(func(n string) []string {
			if n == name {
				return []string{value}
			}
			return nil
		})
		assert.Equal(t, want.ok, ok, field)
		assert.Equal(t, want.after, after, field)
	}
}

func FuzzAutoAnswer(f *testing.F) {
	f.Add("<sip:pbx>;answer-after=0")
	f.Add(`<http://x>;info="alert-autoanswer";delay=2`)
	f.Add("Auto Answer, Ring Answer")
	f.Fuzz(func(t *testing.T, v string) {
		after, _ := autoAnswer(func(string) []string { return []string{v} })
		require.LessOrEqual(t, after, maxAnswerAfter)
		require.LessOrEqual(t, len(diversions([]string{v})), maxDiversions)
	})
}

// FuzzWhoCalls reads the header fields that name people. Whatever stands in them is
// shown on terminals: there is no control character in what comes out.
func FuzzWhoCalls(f *testing.F) {
	f.Add(`"Carol \"C\"" <sip:carol@example.com;user=phone>;reason=user-busy;counter=2;privacy=full, <tel:+8210>`)
	f.Add("<sip:\x1b[2J@example.com>;reason=\"\x1b[2J\"")
	f.Add(`SIP;cause=200;text="Call completed elsewhere", Q.850;cause=16`)
	f.Add(`refer;id=7;retry-after="3"`)
	f.Fuzz(func(t *testing.T, v string) {
		clean := func(s string) { require.Equal(t, cleanPhrase(s), s) }
		who := func(i Identity) { clean(i.DisplayName); clean(i.URI.User); clean(i.URI.Host); clean(i.URI.Params) }
		values := []string{v}
		for _, d := range diversions(values) {
			who(d.By)
			clean(d.Reason)
			require.Positive(t, d.Counter)
		}
		if i, ok := assertedIdentity(values); ok {
			i.DisplayName = cleanPhrase(i.DisplayName) // as identify does
			who(i)
		}
		code, text, _ := reason(values)
		clean(text)
		require.GreaterOrEqual(t, code, 0)
		token, params := headerParams(v)
		require.LessOrEqual(t, len(params), 32)
		clean(token)
		res := sipmsg.NewResponse(200, "OK")
		res.AppendHeader(sipmsg.NewHeader("Service-Route", v))
		require.LessOrEqual(t, len(serviceRoutes(res)), maxServiceRoutes)
		req := sipmsg.NewRequest(sipmsg.INVITE, sipmsg.Uri{Scheme: "sip", Host: "h"})
		req.AppendHeader(sipmsg.NewHeader("Referred-By", v))
		req.AppendHeader(sipmsg.NewHeader("Accept", v))
		req.AppendHeader(sipmsg.NewHeader("Event", v))
		clean(referredBy(req))
		takesSDP(req)
		eventOf(req)
	})
}

func TestInvite_NameOfTheCalledIsClean(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		inv := w.p.request("INVITE")
		text := replyText(w.p.addr, inv, 180, "Ringing", "t1", "")
		w.p.write(us(), strings.Replace(text, "To: <", "To: \"\x1b[2JBob\" <", 1))
		next[Sent](t, c)
		assert.Equal(t, "[2JBob", next[Provisional](t, c).Dialog.Remote().DisplayName)
		c.Cancel("")
		w.p.reply(w.p.request("CANCEL"), 200, "OK", "t1", "")
		w.p.reply(inv, 487, "Request Terminated", "t1", "")
		w.p.request("ACK")
	})
}
