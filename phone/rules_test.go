package phone

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/store"
)

// slowStore is a store of rules whose disk the test holds.
type slowStore struct {
	blocklist.RuleStore
	free chan error
}

func (s *slowStore) AddRules(ctx context.Context, r []blocklist.StoredRule) ([]blocklist.StoredRule, error) {
	if err := <-s.free; err != nil {
		return nil, err
	}
	return r, nil
}

func (s *slowStore) RuleChanges(context.Context, int64, func(blocklist.StoredRule)) (int64, error) {
	return 0, nil
}

// A call that comes while a rule is on its way to the disk does not ring; when
// the rule does not get there it rings again.
func TestScreen_RuleOnItsWayToTheDisk(t *testing.T) {
	plan, err := number.New("KR")
	require.NoError(t, err)
	disk := &slowStore{free: make(chan error, 1)}
	list, err := blocklist.New(plan, blocklist.Options{Store: disk})
	require.NoError(t, err)
	soon, err := newComing(plan)
	require.NoError(t, err)
	p := &Phone{plan: plan, rules: list, coming: soon, cfg: Config{File: config.Default()}, log: slog.New(slog.DiscardHandler)}
	r := (*rules)(p)
	blocked := func(number string) bool {
		v := p.screen(dialer.Caller{Number: number})
		assert.Equal(t, v.Block, r.Blocked(number))
		return v.Block
	}
	first := r.Block(agent.BlockPrefix, "+82 70")
	again := r.Block(agent.BlockPrefix, "070")
	assert.True(t, blocked("07012345678"))
	assert.Zero(t, list.Len(), "not on disk")
	disk.free <- context.DeadlineExceeded
	assert.ErrorIs(t, first(t.Context()), context.DeadlineExceeded)
	assert.True(t, blocked("07012345678"), "the second one may still get there")
	disk.free <- nil
	require.NoError(t, again(t.Context()))
	assert.True(t, blocked("07012345678"))
	assert.Equal(t, 1, list.Len())
	assert.Zero(t, soon.list.Len())

	lost := r.Block(agent.BlockExact, "010-1111-2222")
	assert.True(t, blocked("01011112222"))
	disk.free <- context.DeadlineExceeded
	assert.Error(t, lost(t.Context()))
	assert.False(t, blocked("01011112222"))
	assert.False(t, blocked("01011113333"))
}

// Of two rules that were both allowed when they came, the one that finds the
// list full is not kept.
func TestBlock_LimitHoldsForRulesUnderWay(t *testing.T) {
	plan, err := number.New("KR")
	require.NoError(t, err)
	list, err := blocklist.New(plan, blocklist.Options{Limit: 1})
	require.NoError(t, err)
	soon, err := newComing(plan)
	require.NoError(t, err)
	r := (*rules)(&Phone{plan: plan, rules: list, coming: soon})
	var keeps []func(context.Context) error
	for _, n := range []string{"01011110001", "01011110002", "01011110003"} {
		assert.True(t, r.Blockable())
		keeps = append(keeps, r.Block(agent.BlockExact, n))
	}
	require.NoError(t, keeps[0](t.Context()))
	require.NoError(t, keeps[1](t.Context()), "FALSE once there are more than the limit")
	assert.ErrorIs(t, keeps[2](t.Context()), agent.ErrRulesFull)
	assert.Equal(t, 2, list.Len())
	assert.False(t, r.Blocked("01011110003"))
}

// What is asked of one call is done in order; other calls do not wait.
func TestAsked_InOrder(t *testing.T) {
	var a asked
	_, first := a.next("call")
	before, second := a.next("call")
	select {
	case <-before:
		t.Error("the first one is not done")
	default:
	}
	other, done := a.next("other")
	<-other
	done()
	first()
	<-before
	third, last := a.next("call")
	second()
	<-third
	last()
	assert.Empty(t, a.last, "nothing is left of it")
}

// A call that the directive layer sends away because another is up was missed;
// one that it blocks was blocked.
func TestHistoryRow_SentAway(t *testing.T) {
	plan, err := number.New("KR")
	require.NoError(t, err)
	p := &Phone{plan: plan}
	ev := dialer.Event{CallID: "c", Type: dialer.EventEnded, Direction: dialer.Inbound,
		Outcome: &dialer.Outcome{Disposition: dialer.Busy, Ring: time.Millisecond}}
	assert.Equal(t, store.HistoryRejected, p.historyRow(ev).Type)
	for _, want := range []store.HistoryType{store.HistoryMissed, store.HistoryBlocked} {
		p.sentAway.Store("c", want)
		assert.Equal(t, want, p.historyRow(ev).Type)
	}
}
