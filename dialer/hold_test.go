package dialer

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/sip"
)

// talking is a call with a tone each way.
type talking struct {
	out, in    *Call
	earA, earB *ear
}

const (
	toneA = 1000.0 // what alice sends, Hz
	toneB = 1400.0 // what bob sends, Hz
)

func (w *world) talk() talking {
	w.t.Helper()
	k := talking{earA: &ear{}, earB: &ear{}}
	k.out = w.a.dial(w.b, func(r *DialRequest) { r.Source, r.Sink = tone(toneA), k.earA })
	k.in = w.b.arrived()
	require.NoError(w.t, k.in.Answer(context.Background(), AnswerOptions{Source: tone(toneB), Sink: k.earB}))
	w.a.log.await(w.t, EventAnswered)
	w.b.log.await(w.t, EventAnswered)
	pass(2 * time.Second)
	k.bothHear(w.t)
	return k
}

func (k talking) bothHear(t *testing.T) {
	t.Helper()
	k.earA.hears(t, toneB)
	k.earB.hears(t, toneA)
}

func (k talking) end(w *world) {
	w.t.Helper()
	require.NoError(w.t, k.out.Hangup(context.Background()))
	w.a.outcome(k.out)
	w.b.outcome(k.in)
}

func TestHold_BothDirections(t *testing.T) {
	for _, name := range []string{"caller", "callee"} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				k := w.talk()
				who, holder, other := k.out, w.a, w.b
				earHeld, hz := k.earB, toneA
				if name == "callee" {
					who, holder, other, earHeld, hz = k.in, w.b, w.a, k.earA, toneB
				}
				ctx := context.Background()
				for range 2 {
					require.NoError(t, who.Hold(ctx))
					require.NoError(t, who.Hold(ctx), "held already")
					holder.log.await(t, EventHeld)
					other.log.await(t, EventRemoteHeld)
					require.True(t, who.Info().Held)
					pass(2 * time.Second)
					earHeld.hearsNothing(t, hz)

					require.NoError(t, who.Unhold(ctx))
					holder.log.await(t, EventResumed)
					other.log.await(t, EventRemoteResumed)
					require.False(t, who.Info().Held)
					pass(2 * time.Second)
					k.bothHear(t)
				}
				k.end(w)
			})
		})
	}
}

func TestHold_ByBoth(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		ctx := context.Background()
		k := w.talk()
		require.NoError(t, k.out.Hold(ctx))
		w.b.log.await(t, EventRemoteHeld)
		require.NoError(t, k.in.Hold(ctx))
		w.a.log.await(t, EventRemoteHeld)
		require.True(t, k.out.Info().Held && k.out.Info().RemoteHeld)
		require.True(t, k.in.Info().Held && k.in.Info().RemoteHeld)
		require.NoError(t, k.out.Unhold(ctx))
		pass(time.Second)
		require.True(t, k.in.Info().Held, "theirs stands")
		require.True(t, k.out.Info().RemoteHeld)
		k.earA.hearsNothing(t, toneB)
		require.NoError(t, k.in.Unhold(ctx))
		pass(2 * time.Second)
		require.False(t, k.out.Info().RemoteHeld)
		require.False(t, k.in.Info().RemoteHeld)
		k.bothHear(t)
		k.end(w)
	})
}

// TestHold_Glare: both ask at the same moment, both get 491, both come again.
func TestHold_Glare_RFC3261_14_1(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		k := w.talk()
		result := make(chan error, 2)
		begun := time.Now()
		go func() { result <- k.out.Hold(context.Background()) }()
		go func() { result <- k.in.Hold(context.Background()) }()
		require.NoError(t, <-result)
		require.NoError(t, <-result)
		took := time.Since(begun)
		require.Less(t, took, 9*time.Second)
		require.Greater(t, took, 2*time.Second, "the owner of the Call-ID waits for 2.1 s at least")
		for _, c := range []*Call{k.out, k.in} {
			require.True(t, c.Info().Held)
			require.True(t, c.Info().RemoteHeld)
		}
		k.end(w)
	})
}

// TestHold_Refused: what was before goes on, and a later hold works.
func TestHold_Refused_RollsBack_RFC3261_14_1(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		earA, earB := &ear{}, &ear{}
		refuse := 488
		w.b.scripted(func(inv *sip.Invitation, l *leg) {
			l.source, l.sink = tone(toneB), earB
			dialog := w.b.take(inv, l)
			dialog.Handle(func(ev sip.DialogEvent) {
				o, ok := ev.(sip.RemoteOffer)
				if !ok {
					return
				}
				if refuse != 0 {
					_ = o.Reject(refuse, "")
					return
				}
				body, params, err := l.answer(o.Body, offer.SendRecv)
				if err == nil && l.apply(params) == nil {
					_ = o.Answer(body)
				}
			})
		})
		out := w.a.dial(w.b, func(r *DialRequest) { r.Source, r.Sink = tone(toneA), earA })
		w.a.log.await(t, EventAnswered)
		pass(2 * time.Second)

		err := out.Hold(context.Background())
		var status *sip.StatusError
		require.ErrorAs(t, err, &status)
		require.Equal(t, 488, status.Code)
		require.False(t, out.Info().Held)
		pass(2 * time.Second)
		earA.hears(t, toneB)
		earB.hears(t, toneA)

		refuse = 491 // for ever: the retries are bounded
		begun := time.Now()
		require.ErrorAs(t, out.Hold(context.Background()), &status)
		require.Equal(t, 491, status.Code)
		require.Greater(t, time.Since(begun), glareRetries*2100*time.Millisecond)
		require.Less(t, time.Since(begun), glareRetries*4100*time.Millisecond)

		refuse = 0
		require.NoError(t, out.Hold(context.Background()))
		require.True(t, out.Info().Held)
		pass(2 * time.Second)
		earB.hearsNothing(t, toneA)
		require.NoError(t, out.Hangup(context.Background()))
		w.a.outcome(out)
		require.NotContains(t, w.a.log.types(), EventResumed)
	})
}

func TestHold_HangupMeanwhile(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		k := w.talk()
		result := make(chan error, 1)
		go func() { result <- k.out.Hold(context.Background()) }()
		pass(time.Millisecond)
		require.NoError(t, k.out.Hangup(context.Background()))
		require.Error(t, <-result)
		require.Equal(t, Completed, w.a.outcome(k.out).Disposition)
		require.Equal(t, Completed, w.b.outcome(k.in).Disposition)
	})
}

func TestHold_ContextEnds(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		k := w.talk()
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, k.out.Hold(ctx), context.DeadlineExceeded)
		w.a.log.await(t, EventHeld) // it was under way and is not called off
		k.end(w)
	})
}

// TestReinvite_RightAfterAnswer: pjsua and Asterisk send one as soon as the ACK
// is there.
func TestReinvite_RightAfterAnswer(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		earA, earB := &ear{}, &ear{}
		answered := make(chan error, 1)
		w.b.scripted(func(inv *sip.Invitation, l *leg) {
			l.source, l.sink = tone(toneB), earB
			dialog := w.b.take(inv, l)
			dialog.Handle(func(ev sip.DialogEvent) {
				if _, ok := ev.(sip.Confirmed); !ok {
					return
				}
				go func() {
					ours, _ := l.offer(offer.SendRecv)
					theirs, err := dialog.ReInvite(context.Background(), func(sip.Path) ([]byte, error) { return ours, nil })
					if err == nil {
						_, err = l.accept(ours, theirs)
					}
					answered <- err
				}()
			})
		})
		out := w.a.dial(w.b, func(r *DialRequest) { r.Source, r.Sink = tone(toneA), earA })
		require.NoError(t, <-answered)
		w.a.log.await(t, EventAnswered)
		pass(2 * time.Second)
		earA.hears(t, toneB)
		earB.hears(t, toneA)
		require.NoError(t, out.Hangup(context.Background()))
		require.Equal(t, Completed, w.a.outcome(out).Disposition)
		require.Equal(t, []EventType{EventDialing, EventAnswered, EventEnded}, w.a.log.types())
	})
}

// TestReinvite_Unusable is refused and changes nothing.
func TestReinvite_Unusable_IsRefused_RFC3261_14_2(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		earA := &ear{}
		dialogs := make(chan *sip.Dialog, 1)
		w.b.scripted(func(inv *sip.Invitation, l *leg) {
			l.source = tone(toneB)
			dialog := w.b.take(inv, l)
			dialog.Handle(func(sip.DialogEvent) {})
			dialogs <- dialog
		})
		out := w.a.dial(w.b, func(r *DialRequest) { r.Sink = earA })
		w.a.log.await(t, EventAnswered)
		pass(time.Second)
		dialog := <-dialogs
		for body, code := range map[string]int{
			"this is no SDP": 400,
			"v=0\r\no=- 1 9 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\n": 488,
		} {
			_, err := dialog.ReInvite(context.Background(), func(sip.Path) ([]byte, error) { return []byte(body), nil })
			var status *sip.StatusError
			require.ErrorAs(t, err, &status)
			require.Equal(t, code, status.Code)
		}
		pass(time.Second)
		earA.hears(t, toneB)
		require.NoError(t, out.Hangup(context.Background()))
		w.a.outcome(out)
	})
}

// A wish that reaches the loop while it tells of the end comes too late:
// nothing is told after that.
func TestMute_WhileTheEndIsTold(t *testing.T) {
	var out *Call
	result := make(chan error, 1)
	var after []EventType
	inWorld(t, func(side string, cfg *Config) {
		add := cfg.Events
		if side != "a" {
			return
		}
		over := false
		cfg.Events = func(ev Event) {
			add(ev)
			if over {
				after = append(after, ev.Type)
			}
			if ev.Type == EventEnded {
				over = true
				go func() { result <- out.Mute(true) }()
				pass(time.Millisecond)
			}
		}
	}, func(w *world) {
		k := w.talk()
		out = k.out
		k.end(w)
		require.ErrorIs(t, <-result, ErrEnded)
		require.Empty(t, after)
	})
}

func TestMute(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		k := w.talk()
		require.NoError(t, k.out.Mute(true))
		require.NoError(t, k.out.Mute(true))
		require.True(t, k.out.Info().Muted)
		w.a.log.await(t, EventMuted)
		pass(2 * time.Second)
		k.earB.hearsNothing(t, toneA)
		k.earA.hears(t, toneB)
		require.NoError(t, k.out.Mute(false))
		w.a.log.await(t, EventUnmuted)
		pass(2 * time.Second)
		k.bothHear(t)
		k.out.SetSource(tone(2000))
		other := &ear{}
		k.in.SetSink(other)
		pass(2 * time.Second)
		other.hears(t, 2000)
		other.hearsNothing(t, toneA)
		k.end(w)
	})
}
