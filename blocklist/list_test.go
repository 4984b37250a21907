package blocklist

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/softphone-go/softphone/number"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newList(t testing.TB, o Options) (*List, *number.Plan) {
	t.Helper()
	p, err := number.New("KR")
	require.NoError(t, err)
	l, err := New(p, o)
	require.NoError(t, err)
	return l, p
}

func add(t testing.TB, l *List, typ Type, pattern string) Rule {
	t.Helper()
	r, err := l.Add(context.Background(), typ, pattern, "test")
	require.NoError(t, err, pattern)
	return r
}

func blocked(l *List, p *number.Plan, caller string) bool {
	_, ok := l.Match(p.Parse(caller))
	return ok
}

func TestImport_KeepsWhoAndWhen(t *testing.T) {
	l, _ := newList(t, Options{Store: &shelf{}})
	then := time.Date(2024, 2, 29, 9, 0, 0, 0, time.FixedZone("KST", 9*3600))
	rules, err := l.Import(t.Context(), []Entry{{Type: Prefix, Pattern: "070", Added: then, By: "agent"}, {Type: Exact, Pattern: "mallory"}}, "import")
	require.NoError(t, err)
	assert.Equal(t, "blocked by PREFIX 070 added on 2024-02-29 by agent", rules[0].Explain())
	assert.Equal(t, "import", rules[1].By)
	assert.WithinDuration(t, time.Now(), rules[1].Added, time.Minute)
	again, err := l.Import(t.Context(), []Entry{{Type: Prefix, Pattern: "+8270"}}, "import")
	require.NoError(t, err)
	assert.Equal(t, rules[0], again[0], "what is there stays as it is")
}

func TestAdd_Refused(t *testing.T) {
	l, _ := newList(t, Options{})
	long := strings.Repeat("1", 65)
	for _, c := range []struct {
		typ     Type
		pattern string
		reason  error
	}{
		{Exact, "", ErrEmpty}, {Prefix, "  ", ErrEmpty}, {Postfix, "", ErrEmpty},
		{Exact, long, ErrTooLong}, {Prefix, long, ErrTooLong}, {Postfix, long, ErrTooLong},
		{Exact, strings.Repeat("a", 65), ErrTooLong},
		{Prefix, "mallory", ErrNoDigits}, {Postfix, "+", ErrNoDigits}, {Prefix, "*12", ErrNotDigits}, {Prefix, "+82", ErrWholePlan},
		{Exact, "112", ErrEmergency}, {Exact, "+82 119", ErrEmergency}, {Exact, "anonymous", ErrAnonymous},
	} {
		_, err := l.Add(t.Context(), c.typ, c.pattern, "test")
		var pe *PatternError
		require.ErrorAs(t, err, &pe, "%v %q", c.typ, c.pattern)
		assert.ErrorIs(t, err, c.reason)
		assert.Equal(t, c.pattern, pe.Pattern)
		assert.Contains(t, err.Error(), c.typ.String())
	}
	for _, typ := range []Type{0, Anonymous, 9} {
		_, err := l.Add(t.Context(), typ, "010", "test")
		var te *TypeError
		require.ErrorAs(t, err, &te)
	}
	_, err := ParseType("SUFFIX")
	assert.ErrorContains(t, err, `"SUFFIX"`)
	assert.Zero(t, l.Len())
	_, err = New(nil, Options{})
	assert.Error(t, err)
}

func TestAdd_DuplicatesCountOnce(t *testing.T) {
	l, _ := newList(t, Options{Limit: 1})
	a := add(t, l, Exact, "010-1234-5678")
	b := add(t, l, Exact, "+82 10 1234 5678")
	assert.Equal(t, a, b)
	assert.Equal(t, 1, l.Len())
	assert.True(t, l.Blockable())
	add(t, l, Prefix, "010-1234-5678")
	assert.False(t, l.Blockable())
}

func TestBlockable_UntilMoreThanLimit(t *testing.T) {
	l, _ := newList(t, Options{})
	entries := make([]Entry, DefaultLimit)
	for i := range entries {
		entries[i] = Entry{Type: Exact, Pattern: "0101000" + string(rune('0'+i/1000)) + digits3(i)}
	}
	_, err := l.Import(t.Context(), entries, "test")
	require.NoError(t, err)
	require.Equal(t, 1000, l.Len())
	assert.True(t, l.Blockable(), "1000 rules")
	r := add(t, l, Postfix, "9")
	assert.False(t, l.Blockable(), "1001 rules")
	require.NoError(t, l.Remove(t.Context(), r.ID))
	assert.True(t, l.Blockable())
	unlimited, _ := newList(t, Options{Limit: -1})
	_, err = unlimited.Import(t.Context(), append(entries, Entry{Type: Postfix, Pattern: "9"}), "test")
	require.NoError(t, err)
	assert.True(t, unlimited.Blockable())
}

func digits3(i int) string {
	return string([]byte{byte('0' + i/100%10), byte('0' + i/10%10), byte('0' + i%10)})
}

func TestRule_Explain(t *testing.T) {
	r := Rule{ID: 1, Type: Prefix, Pattern: "070", Added: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), By: "cli"}
	assert.Equal(t, "blocked by PREFIX 070 added on 2026-11-21 by cli", r.Explain())
	assert.Equal(t, "blocked by EXACT mallory", Rule{Type: Exact, Pattern: "mallory"}.Explain())
}

// shelf is a RuleStore in memory, shared by lists as a file is by processes.
type shelf struct {
	mu      sync.Mutex
	rules   []StoredRule
	changes []StoredRule
	fail    error
}

func (s *shelf) AddRules(_ context.Context, rules []StoredRule) ([]StoredRule, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return nil, s.fail
	}
	for i, r := range rules {
		at := slices.IndexFunc(s.rules, func(o StoredRule) bool { return o.Type == r.Type && o.Pattern == r.Pattern })
		if at >= 0 {
			rules[i] = s.rules[at]
			continue
		}
		rules[i].ID = int64(len(s.changes) + 1)
		s.rules = append(s.rules, rules[i])
		s.changes = append(s.changes, rules[i])
	}
	return rules, nil
}

func (s *shelf) RemoveRule(_ context.Context, id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = slices.DeleteFunc(s.rules, func(r StoredRule) bool { return r.ID == id })
	s.changes = append(s.changes, StoredRule{ID: id})
	return s.fail
}

func (s *shelf) RuleChanges(_ context.Context, since int64, yield func(StoredRule)) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.changes[max(since, 0):] {
		yield(c)
	}
	return int64(len(s.changes)), s.fail
}

func TestStore_DurableBeforeAcknowledged(t *testing.T) {
	s := &shelf{}
	l, p := newList(t, Options{Store: s})
	s.fail = errors.New("disk full")
	_, err := l.Add(t.Context(), Prefix, "070", "test")
	require.ErrorIs(t, err, s.fail)
	assert.False(t, blocked(l, p, "07012345678"), "a rule that was not kept does not act")
	s.fail = nil
	r := add(t, l, Prefix, "070")
	require.Len(t, s.rules, 1)
	again, _ := newList(t, Options{Store: s})
	assert.Equal(t, []Rule{r}, again.Rules())
}

func TestStore_SharedBetweenProcesses(t *testing.T) {
	s := &shelf{}
	daemon, p := newList(t, Options{Store: s})
	cli, _ := newList(t, Options{Store: s})
	r := add(t, cli, Prefix, "070")
	require.NoError(t, daemon.Refresh(t.Context()))
	assert.True(t, blocked(daemon, p, "07012345678"))
	require.NoError(t, cli.Remove(t.Context(), r.ID))
	r2 := add(t, cli, Prefix, "070")
	assert.NotEqual(t, r.ID, r2.ID)
	require.NoError(t, daemon.Refresh(t.Context()))
	assert.Equal(t, []Rule{r2}, daemon.Rules())
	require.NoError(t, cli.Remove(t.Context(), r2.ID))
	require.NoError(t, daemon.Refresh(t.Context()))
	assert.False(t, blocked(daemon, p, "07012345678"))
	assert.Zero(t, daemon.Len())
}

func TestAdd_WaitsNoLongerThanContext(t *testing.T) {
	l, _ := newList(t, Options{})
	l.writing <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Add(ctx, Prefix, "070", "test")
	assert.ErrorIs(t, err, context.Canceled)
	<-l.writing
}
