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
	"pgregory.net/rapid"

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

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		typ            Type
		pattern        string
		blocks, passes []string
	}{
		{Exact, "+82 10-1234-5678", []string{"010-1234-5678", "00182 1012345678", "0070082 10 1234 5678", "tel:+82-10-1234-5678"},
			[]string{"010-1234-5679", "01012345678901", "1234-5678", "10-1234-567", "+1 01012345678"}},
		{Exact, "Mallory", []string{"mallory", "MALLORY", "sip:mallory@evil.example"}, []string{"mallory2", "", "mal"}},
		{Prefix, "070", []string{"070-1234-5678", "+82 70 1234 5678", "00182 70 1234 5678"}, []string{"010-7070-7070", "+1 70 1234"}},
		{Prefix, "+8270", []string{"070-1234-5678", "+82 70 1234 5678"}, []string{"010-7070-7070", "8270"}},
		{Prefix, "+82 10", []string{"010-1234-5678", "+82 10 1234 5678"}, []string{"070-1234-5678", "10"}},
		{Prefix, "006", []string{"00682 10 1234 5678", "006 1 212 555 1234"}, []string{"010-1234-5678", "+1 212 555 1234", "00182 10 1234 5678"}},
		{Prefix, "001", []string{"00182 10 1234 5678", "001 1 212 555 1234"}, []string{"010-1234-5678", "00682 10 1234 5678"}},
		{Prefix, "+1", []string{"+1 212 555 1234", "001 1 212 555 1234"}, []string{"1588-1234", "112"}},
		{Prefix, "11", []string{"114"}, []string{"112", "119", "+82112", "mallory11"}},
		{Prefix, "1588", []string{"1588-1234", "+82 1588 1234"}, []string{"02-1588-1588"}},
		{Postfix, "5678", []string{"010-1234-5678", "+1 212 555 5678", "00182 10 1234 5678"}, []string{"5678-0000", "mallory5678"}},
		{Postfix, "2", []string{"02-312-3452"}, []string{"112", "02-312-3456"}},
	} {
		l, p := newList(t, Options{})
		add(t, l, c.typ, c.pattern)
		for _, s := range c.blocks {
			assert.True(t, blocked(l, p, s), "%v %q blocks %q", c.typ, c.pattern, s)
		}
		for _, s := range c.passes {
			assert.False(t, blocked(l, p, s), "%v %q passes %q", c.typ, c.pattern, s)
		}
	}
}

func TestMatch_Anonymous_RFC3323(t *testing.T) {
	l, p := newList(t, Options{})
	callers := []string{"", "anonymous", "sip:anonymous@anonymous.invalid"}
	for _, s := range callers {
		assert.False(t, blocked(l, p, s))
	}
	l.SetAnonymousBlocked(true)
	for _, s := range callers {
		r, ok := l.Match(p.Parse(s))
		assert.True(t, ok)
		assert.Equal(t, Anonymous, r.Type)
		assert.Equal(t, "blocked because anonymous callers are blocked", r.Explain())
	}
	_, ok := l.MatchAnonymous()
	assert.True(t, ok)
	assert.False(t, blocked(l, p, "010-1234-5678"))
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
		entries[i] = Entry{Exact, "0101000" + string(rune('0'+i/1000)) + digits3(i)}
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
	_, err = unlimited.Import(t.Context(), append(entries, Entry{Postfix, "9"}), "test")
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

func TestMatch_Precedence(t *testing.T) {
	l, p := newList(t, Options{})
	add(t, l, Postfix, "78")
	add(t, l, Postfix, "5678")
	n := p.Parse("010-1234-5678")
	r, _ := l.Match(n)
	assert.Equal(t, "POSTFIX 5678", r.String())
	add(t, l, Prefix, "0")
	long := add(t, l, Prefix, "0101")
	r, _ = l.Match(n)
	assert.Equal(t, "PREFIX 0101", r.String())
	exact := add(t, l, Exact, "01012345678")
	r, _ = l.Match(n)
	assert.Equal(t, exact, r)
	require.NoError(t, l.Remove(t.Context(), exact.ID))
	require.NoError(t, l.Remove(t.Context(), long.ID))
	assert.ErrorIs(t, l.Remove(t.Context(), long.ID), ErrNotFound)
	r, _ = l.Match(n)
	assert.Equal(t, "PREFIX 0", r.String())
	_, ok, err := l.Find(Prefix, "0")
	assert.True(t, ok)
	assert.NoError(t, err)
	_, ok, _ = l.Find(Prefix, "0101")
	assert.False(t, ok)
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

// naive is the rules read out one by one.
func naive(rules []Rule, n number.Number) (Rule, bool) {
	var best Rule
	rank := func(r Rule) int { return (4-int(r.Type))*1000 + len(r.Pattern) }
	if n.IsEmergency() || n.IsAnonymous() {
		return best, false
	}
	for _, r := range rules {
		ok := false
		switch r.Type {
		case Exact:
			ok = r.Pattern == n.String()
		case Prefix:
			ok = n.IsNumber() && (strings.HasPrefix(n.String(), r.Pattern) || strings.HasPrefix(n.RawDigits(), r.Pattern))
		case Postfix:
			ok = n.IsNumber() && strings.HasSuffix(n.Digits(), r.Pattern)
		case Anonymous:
		}
		canonicalFirst := rank(r) == rank(best) && strings.HasPrefix(n.String(), r.Pattern)
		if ok && (best.Type == 0 || rank(r) > rank(best) || canonicalFirst) {
			best = r
		}
	}
	return best, best.Type != 0
}

func TestMatch_EqualsNaive(t *testing.T) {
	p, err := number.New("KR")
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		l, err := New(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		text := rapid.OneOf(
			rapid.StringMatching(`(\+82 ?|00182|0|\+1|\+|)[0-2]{1,6}`),
			rapid.StringMatching(`(\+82|00682|0|\+1)(10|2|70)[0-2]{4,8}`),
			rapid.SampledFrom([]string{"mallory", "Mallory", "112", "119", "", "1588-1234", "anonymous", "00700821012"}),
		)
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			switch rules := l.Rules(); {
			case len(rules) > 0 && rapid.IntRange(0, 3).Draw(t, "op") == 0:
				if err := l.Remove(context.Background(), rapid.SampledFrom(rules).Draw(t, "rule").ID); err != nil {
					t.Fatal(err)
				}
			default:
				typ := rapid.SampledFrom([]Type{Exact, Prefix, Postfix}).Draw(t, "type")
				_, err := l.Add(context.Background(), typ, text.Draw(t, "pattern"), "rapid")
				var pe *PatternError
				if err != nil && !errors.As(err, &pe) {
					t.Fatal(err)
				}
			}
			n := p.Parse(text.Draw(t, "caller"))
			got, ok := l.Match(n)
			want, wantOK := naive(l.Rules(), n)
			if ok != wantOK || got != want {
				t.Fatalf("%q (%q): %v %v, naive %v %v", n.Raw(), n, got, ok, want, wantOK)
			}
		}
	})
}

func TestMatch_WhileRulesChange(t *testing.T) {
	l, p := newList(t, Options{})
	add(t, l, Exact, "010-1234-5678")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			n, other := p.Parse("+82 10 1234 5678"), p.Parse("02-312-3456")
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, ok := l.Match(n); !ok {
					t.Error("a rule that stayed was missed")
					return
				}
				if _, ok := l.Match(other); ok {
					t.Error("a rule that never was blocked a call")
					return
				}
			}
		})
	}
	for round := range 3 {
		for i := range 2000 {
			add(t, l, Exact, "0107777"+string(rune('0'+round))+digits3(i))
		}
		for _, r := range l.Rules()[1:] {
			if r.ID%3 != 0 {
				require.NoError(t, l.Remove(t.Context(), r.ID))
			}
		}
	}
	close(stop)
	wg.Wait()
}
