package agent

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/dialer"
)

// While rules wait for a disk that another process has locked, calls are
// accepted and ended at once. The rules hold from the beginning, get to the disk
// in order, and are accepted when they are there.
func TestBlockNumber_SlowDiskDelaysNobody(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.rules.kept, r.rules.slow = nil, 5*time.Second
		began := time.Now()
		var waits []func() error
		for i := range 3 {
			waits = append(waits, r.Submit(t.Context(), message("BlockNumber", fmt.Sprint("m", i), fmt.Sprintf(`{"number":"0100000000%d","blockType":"EXACT"}`, i))))
		}
		assert.True(t, r.rules.Blocked("01000000002"), "it holds already")
		r.see(arrival("in-1", "1"))
		require.NoError(t, r.say(t, "AcceptCall", `{"speakerPhone":false}`))
		r.see(dialer.Event{CallID: "in-1", Type: dialer.EventAnswered})
		require.NoError(t, r.say(t, "EndCall", `{}`))
		r.see(ended("in-1"))
		assert.Equal(t, []string{"answer in-1 speaker=false", "hangup in-1"}, r.line.asked)
		assert.Equal(t, []string{"CallArrived", "CallEstablished", "CallEnded"}, r.names())
		assert.Equal(t, Idle, r.State())
		assert.Len(t, r.list(t, `{"intent":"BLOCK"}`), 4)
		assert.Zero(t, time.Since(began), "nobody waited")
		assert.Empty(t, r.rules.onDisk())
		for i, wait := range waits {
			require.NoError(t, wait())
			assert.Equal(t, time.Duration(i+1)*5*time.Second, time.Since(began), "accepted when it is on disk, and not before")
		}
		assert.Equal(t, []string{"EXACT 01000000000", "EXACT 01000000001", "EXACT 01000000002"}, r.rules.onDisk())
	})
}

// The directives behind a BlockNumber in its delivery are carried out at once
// too; the delivery is answered as a whole.
func TestBlockNumber_SiblingsGoOn(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.rules.slow = 5 * time.Second
		require.NoError(t, r.say(t, "MakeCall", callBob))
		began := time.Now()
		wait := r.Submit(t.Context(), []byte(`{"directives":[`+string(message("BlockNumber", "1", `{"number":"070","blockType":"PREFIX"}`))+`,`+
			string(message("EndCall", "2", `{}`))+`,`+string(message("Dance", "3", `{}`))+`]}`))
		assert.Equal(t, "hangup call-1", r.line.asked[1])
		assert.Zero(t, time.Since(began))
		refused := Refusals(wait())
		require.Len(t, refused, 1)
		assert.Equal(t, 2, refused[0].Index)
		assert.Equal(t, 5*time.Second, time.Since(began))
	})
}

// A rule that did not get to the disk is refused, and holds no longer.
func TestBlockNumber_NotKept(t *testing.T) {
	for _, fail := range []error{errDisk, ErrRulesFull} {
		bubble(t, nil, func(t *testing.T, r *rig) {
			r.rules.slow, r.rules.fail = time.Second, fail
			m := message("BlockNumber", "m1", `{"number":"01000000000","blockType":"EXACT"}`)
			first, again := r.Submit(t.Context(), m), r.Submit(t.Context(), m)
			assert.True(t, r.rules.Blocked("01000000000"))
			err := first()
			assert.ErrorIs(t, err, fail)
			assert.EqualError(t, again(), err.Error(), "a repeated one gets the answer of the first, though it was not settled yet")
			assert.False(t, r.rules.Blocked("01000000000"))
			assert.Empty(t, r.rules.onDisk())
		})
	}
}

// Whoever does not want to wait goes; the rule is kept, and the same messageId
// asks what became of it.
func TestBlockNumber_SenderGoes(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.rules.slow = 5 * time.Second
		m := message("BlockNumber", "m1", `{"number":"01000000000","blockType":"EXACT"}`)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, r.Handle(ctx, m), context.DeadlineExceeded)
		assert.Empty(t, r.rules.onDisk())
		require.NoError(t, r.Handle(t.Context(), m))
		assert.Equal(t, []string{"EXACT 01000000000"}, r.rules.onDisk(), "once")
	})
}

// Close lets the write that is under way come to its end; those behind it are
// refused. Everybody gets an answer.
func TestClose_AnswersWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.rules.slow = 5 * time.Second
		first := r.Submit(t.Context(), message("BlockNumber", "m1", `{"number":"1","blockType":"EXACT"}`))
		second := r.Submit(t.Context(), message("BlockNumber", "m2", `{"number":"2","blockType":"EXACT"}`))
		synctest.Wait()
		require.NoError(t, r.Close())
		assert.NoError(t, first())
		assert.ErrorIs(t, second(), ErrClosed)
		assert.Equal(t, []string{"EXACT 1"}, r.rules.onDisk())
	})
}

// The call is sent away at once, the directive accepted when its rule is kept;
// a rule that was not kept is told of, and the call is gone all the same.
func TestBlockIncomingCall_SlowDisk(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		var kept error
		r.line.keep = func(context.Context) error { time.Sleep(5 * time.Second); return kept }
		for i, want := range []string{"", "was not blocked: the disk is full"} {
			id := fmt.Sprint("in-", i)
			r.see(arrival(id, "01012345678"))
			began := time.Now()
			wait := r.Submit(t.Context(), message("BlockIncomingCall", id, `{}`))
			assert.Equal(t, []string{"block " + id, "hangup " + id}, r.line.asked)
			r.see(ended(id))
			assert.Equal(t, Idle, r.State())
			assert.Zero(t, time.Since(began))
			err := wait()
			assert.Equal(t, 5*time.Second, time.Since(began))
			if want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, want)
			}
			kept, r.line.asked = errDisk, nil
		}
		r.line.keep = nil
		for _, c := range []struct{ fail, want error }{{nil, nil}, {dialer.ErrEnded, nil}, {errDisk, errDisk}} {
			r.see(arrival("in-3", "anonymous"))
			r.line.asked, r.line.unblocked = nil, c.fail
			assert.ErrorIs(t, r.say(t, "BlockIncomingCall", `{}`), c.want)
			assert.Equal(t, []string{"block in-3", "hangup in-3"}, r.line.asked, "rejected, number or not")
			r.see(ended("in-3"))
		}
	})
}
