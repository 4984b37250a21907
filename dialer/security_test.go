package dialer

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/media/srtp"
	"github.com/softphone-go/softphone/sip"
)

var (
	off      = Security{}
	wish     = Security{Encryption: offer.Offered, KeysWithoutTLS: true}
	demand   = Security{Encryption: offer.Required, KeysWithoutTLS: true}
	shyWish  = Security{Encryption: offer.Offered}
	shyClaim = Security{Encryption: offer.Required}
)

// secured gives each side a policy.
func secured(a, b Security) func(string, *Config) {
	return func(side string, cfg *Config) {
		s := pick(side == "a", a, b)
		cfg.Security = func(string) Security { return s }
	}
}

// keys are those in force.
func (c *Call) keys(t *testing.T) (send, receive *srtp.Key) {
	t.Helper()
	require.NoError(t, c.ask(context.Background(), func(reply func(error)) {
		send, receive = c.leg.params.SendKey, c.leg.params.ReceiveKey
		reply(nil)
	}))
	return send, receive
}

// What becomes of a call from a to b under each pair of policies, over UDP.
func TestSecurity_PolicyOfBothSides_RFC4568_RFC8643(t *testing.T) {
	for _, c := range []struct {
		name      string
		a, b      Security
		encrypted bool
		fails     bool // with 488, or without an INVITE
		left      bool // an INVITE
	}{
		{"both wish", wish, wish, true, false, true},
		{"both demand", demand, demand, true, false, true},
		{"a wish meets a demand", wish, demand, true, false, true},
		{"a demand meets a wish", demand, wish, true, false, true},
		{"a wish meets off", wish, off, false, false, true},
		{"off meets a wish", off, wish, false, false, true},
		{"a demand meets off", demand, off, false, true, true},
		{"off meets a demand", off, demand, false, true, true},
		{"a wish meets one that may take no keys", wish, shyWish, false, false, true},
		{"a demand meets one that may take no keys", demand, shyWish, false, true, true},
		{"a wish meets a demand that may take no keys", wish, shyClaim, false, true, true},
		{"a wish that may send no keys", shyWish, wish, false, true, false},
		{"a demand that may send no keys", shyClaim, wish, false, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, secured(c.a, c.b), func(w *world) {
				if c.fails {
					got := w.a.outcome(w.a.dial(w.b))
					require.Equal(t, MediaFailed, got.Disposition)
					require.Equal(t, c.left, got.InviteSent)
					if c.left {
						require.Equal(t, 488, got.Code)
					} else {
						require.ErrorIs(t, got.Err, ErrKeysInClear)
						require.ErrorContains(t, got.Err, "travel over udp, where anybody on the way can read them")
						require.ErrorContains(t, got.Err, "srtp_keys_without_tls")
					}
					return
				}
				k := w.talk()
				for _, call := range []*Call{k.out, k.in} {
					suite := pick(c.encrypted, srtp.AEADAES256GCM, 0)
					require.Equal(t, suite, call.Info().Encryption)
					st := call.Stats()
					require.Equal(t, suite, st.Encryption)
					require.Zero(t, st.Unauthenticated+st.Replayed)
				}
				k.end(w)
			})
		})
	}
}

// Keys are those of the first offer and answer for as long as the call lasts, whoever
// holds, and are gone after it.
func TestSecurity_KeysSurviveHold_AndAreWiped(t *testing.T) {
	inWorld(t, secured(demand, wish), func(w *world) {
		k := w.talk()
		sendA, receiveA := k.out.keys(t)
		sendB, receiveB := k.in.keys(t)
		require.True(t, sendA.Equal(receiveB) && sendB.Equal(receiveA))
		ctx := context.Background()
		for _, who := range []*Call{k.out, k.in, k.out} {
			require.NoError(t, who.Hold(ctx))
			pass(2 * time.Second)
			require.NoError(t, who.Unhold(ctx))
			pass(2 * time.Second)
			k.bothHear(t)
			s, r := k.out.keys(t)
			require.True(t, s == sendA && r == receiveA)
			s, r = k.in.keys(t)
			require.True(t, s == sendB && r == receiveB)
		}
		require.Zero(t, k.out.Stats().Unauthenticated+k.in.Stats().Unauthenticated)
		k.end(w)
		for _, key := range []*srtp.Key{sendA, sendB, receiveA, receiveB} {
			require.False(t, key.Equal(key.Clone()), "not wiped")
		}
	})
}

// A peer that changes its key in mid-call is followed; one whose offer cannot be
// taken is refused, and the keys before go on.
func TestSecurity_NewKeysAndRollback(t *testing.T) {
	inWorld(t, secured(demand, demand), func(w *world) {
		earA, earB := &ear{}, &ear{}
		type side struct {
			dialog *sip.Dialog
			leg    *leg
		}
		sides := make(chan side, 1)
		w.b.scripted(func(inv *sip.Invitation, l *leg) {
			l.source, l.sink = tone(toneB), earB
			dialog := w.b.take(inv, l)
			dialog.Handle(func(sip.DialogEvent) {})
			sides <- side{dialog, l}
		})
		out := w.a.dial(w.b, func(r *DialRequest) { r.Source, r.Sink = tone(toneA), earA })
		w.a.log.await(t, EventAnswered)
		b := <-sides
		hear := func() {
			t.Helper()
			pass(2 * time.Second)
			earA.hears(t, toneB)
			earB.hears(t, toneA)
		}
		hear()
		reinvite := func(body []byte) ([]byte, error) {
			return b.dialog.ReInvite(context.Background(), func(sip.Path) ([]byte, error) { return body, nil })
		}
		_, before := out.keys(t)
		before = before.Clone()

		ours, err := b.leg.offer(offer.SendRecv)
		require.NoError(t, err)
		for _, bad := range []string{ // no key, plain, and a key of another length
			strings.ReplaceAll(string(ours), "a=crypto", "a=cipher"),
			strings.ReplaceAll(strings.ReplaceAll(string(ours), "a=crypto", "a=cipher"), "RTP/SAVP", "RTP/AVP"),
			strings.ReplaceAll(string(ours), "inline:", "inline:AAAA"),
		} {
			_, err := reinvite([]byte(bad))
			var status *sip.StatusError
			require.ErrorAs(t, err, &status)
			require.Equal(t, 488, status.Code)
			hear()
		}
		_, now := out.keys(t)
		require.True(t, now.Equal(before))

		b.leg.local.Keys = nil
		require.NoError(t, b.leg.admit(sip.Path{Local: addrB, Transport: sip.UDP}, true))
		ours, err = b.leg.offer(offer.SendRecv)
		require.NoError(t, err)
		theirs, err := reinvite(ours)
		require.NoError(t, err)
		params, err := b.leg.accept(ours, theirs)
		require.NoError(t, err)
		require.NoError(t, b.leg.apply(params))
		_, now = out.keys(t)
		require.False(t, now.Equal(before))
		hear()
		require.Zero(t, out.Stats().Unauthenticated)
		require.NoError(t, out.Hangup(context.Background()))
		w.a.outcome(out)
	})
}

// An INVITE without SDP is answered with our offer, under the same rules.
func TestSecurity_LateOffer(t *testing.T) {
	for name, c := range map[string]struct {
		b     Security
		proto string
	}{
		"demand": {demand, "RTP/SAVP"}, "wish": {wish, "RTP/AVP"}, "keys may not travel": {shyWish, "RTP/AVP"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, secured(off, c.b), func(w *world) {
				client := w.a.ua.Invite(context.Background(), sip.InviteRequest{Account: w.a.account(), Target: w.b.uri()})
				require.NoError(t, w.b.arrived().Answer(context.Background(), AnswerOptions{}))
				for r := range client.Responses() {
					if f, ok := r.(sip.Final); ok {
						require.NoError(t, f.Err)
						require.Contains(t, string(f.Body), " "+c.proto+" ")
						require.Equal(t, c.b.KeysWithoutTLS, strings.Contains(string(f.Body), "a=crypto:"))
						require.NoError(t, f.Dialog.Ack(nil))
						require.NoError(t, f.Dialog.Bye(context.Background(), ""))
					}
				}
			})
		})
	}
}
