package blocklist

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/softphone-go/softphone/number"
)

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
		{Prefix, "1588", []string{"1588-1234", "+82 1588 1234"}, []string{"02-1588-1588", "+1 588 555 1234", "001 1 588 555 1234"}},
		{Prefix, "82", []string{"8201", "82"}, []string{"+82 10 1234 5678", "00182 10 1234 5678"}},
		{Postfix, "00182 10 1234 5678", []string{"010-1234-5678", "+82 10 1234 5678"}, []string{"010-1234-5679", "02-1234-5678"}},
		{Postfix, "821012345678", []string{"010-1234-5678"}, []string{"02-1234-5678"}},
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

func TestExplain(t *testing.T) {
	l, p := newList(t, Options{AnonymousBlocked: true})
	_, err := l.Import(t.Context(), []Entry{
		{Type: Prefix, Pattern: "070", Added: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), By: "cli"},
		{Type: Postfix, Pattern: "5678", Added: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), By: "BlockNumber"},
	}, "test")
	require.NoError(t, err)
	says := func(caller string, withheld bool) string {
		n := p.Parse(caller)
		e := l.Explain(n, withheld)
		r, ok := l.Check(n, withheld)
		assert.Equal(t, ok, e.Blocked, caller)
		if ok {
			assert.Equal(t, r, e.Rules[0], caller)
		}
		return e.String()
	}
	assert.Equal(t, `07012345678 is a number of the region
blocked by PREFIX 070 added on 2026-11-21 by cli
also blocked by POSTFIX 5678 added on 2026-11-22 by BlockNumber
also blocked because anonymous callers are blocked`, says("+82 70 1234 5678", true))
	assert.Equal(t, "01012340000 is a mobile number of the region\nnot blocked: no rule fits", says("010-1234-0000", false))
	assert.Equal(t, "119 is a number of an emergency service\nnot blocked: emergency numbers never are", says("119", true))
	assert.Equal(t, "a caller without a number\nblocked because anonymous callers are blocked", says("anonymous", true))
	l.SetAnonymousBlocked(false)
	assert.Equal(t, "a caller without a number\nnot blocked: the setting for anonymous callers lets them pass", says("", false))
}

// A number told in confidence is a number to the rules, and its owner anonymous
// to the setting.
func TestCheck_Withheld_RFC3323(t *testing.T) {
	l, p := newList(t, Options{})
	add(t, l, Prefix, "070")
	check := func(caller string, withheld bool) string {
		r, ok := l.Check(p.Parse(caller), withheld)
		if !ok {
			return ""
		}
		return r.String()
	}
	assert.Equal(t, "PREFIX 070", check("070-1234-5678", true))
	assert.Empty(t, check("010-1234-5678", true))
	l.SetAnonymousBlocked(true)
	assert.Equal(t, "PREFIX 070", check("070-1234-5678", true), "the rule says more than the setting")
	assert.Equal(t, "ANONYMOUS", check("010-1234-5678", true))
	assert.Equal(t, "ANONYMOUS", check("anonymous", false))
	assert.Empty(t, check("010-1234-5678", false))
	for _, s := range []string{"119", "+82 112", "urn:service:sos"} {
		assert.Empty(t, check(s, true), "an emergency service calls back: %s", s)
	}
}

func TestAll(t *testing.T) {
	l, p := newList(t, Options{})
	add(t, l, Postfix, "78")
	add(t, l, Postfix, "5678")
	add(t, l, Prefix, "0")
	add(t, l, Prefix, "001")
	add(t, l, Prefix, "010")
	add(t, l, Exact, "010-1234-5678")
	add(t, l, Prefix, "02")
	all := func(caller string) []string {
		var out []string
		for _, r := range l.All(p.Parse(caller)) {
			out = append(out, r.String())
		}
		return out
	}
	assert.Equal(t, []string{"EXACT 01012345678", "PREFIX 010", "PREFIX 0", "POSTFIX 5678", "POSTFIX 78"}, all("+82 10 1234 5678"))
	assert.Contains(t, all("00182 10 1234 5678"), "PREFIX 001")
	assert.Empty(t, all("112"))
	assert.Empty(t, all("mallory"))
	assert.Empty(t, all(""))
	l.SetAnonymousBlocked(true)
	assert.Equal(t, []string{"ANONYMOUS"}, all(""))
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
			ok = n.IsNumber() && (strings.HasPrefix(n.String(), r.Pattern) || strings.HasPrefix(n.AsDialled(), r.Pattern))
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
			if all := l.All(n); ok && (len(all) == 0 || all[0] != got) || !ok && len(all) > 0 {
				t.Fatalf("%q (%q): %v is first of %v", n.Raw(), n, got, all)
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
