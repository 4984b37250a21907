package blocklist

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/number"
)

const million = 1_000_000

// filled returns a list of n rules, with every length of prefix and postfix in
// use, and callers that some of them block and that none does.
func filled(t testing.TB, n int) (*List, []number.Number) {
	t.Helper()
	l, p := newList(t, Options{})
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		s := StoredRule{ID: int64(i + 1), Added: time.Unix(0, 0), By: "bench"}
		switch {
		case i < 10:
			s.Type, s.Pattern = "PREFIX", fmt.Sprintf("09%0*d", i+1, i)
		case i < 20:
			s.Type, s.Pattern = "POSTFIX", fmt.Sprintf("%0*d", i-7, i)
		case i%3 == 0:
			s.Type, s.Pattern = "PREFIX", fmt.Sprintf("0%09d", rnd.IntN(1e9))
		case i%3 == 1:
			s.Type, s.Pattern = "POSTFIX", fmt.Sprintf("%08d", rnd.IntN(1e8))
		default:
			s.Type, s.Pattern = "EXACT", fmt.Sprintf("010%08d", rnd.IntN(1e8))
		}
		_, err := l.insert(s)
		require.NoError(t, err)
	}
	callers := make([]number.Number, 1024)
	for i := range callers {
		callers[i] = p.Parse(fmt.Sprintf("%s10%08d", []string{"+82", "0", "00182", "0070082"}[i%4], rnd.IntN(1e8)))
	}
	return l, callers
}

func TestMatch_AllocatesNothing(t *testing.T) {
	l, callers := filled(t, 10_000)
	p, err := number.New("KR")
	require.NoError(t, err)
	callers = append(callers, p.Parse("mallory"), p.Parse("119"), p.Parse(""), p.Parse("0900000000"))
	i := 0
	assert.Zero(t, testing.AllocsPerRun(5000, func() {
		l.Match(callers[i%len(callers)])
		l.Blockable()
		i++
	}))
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{1000, million} {
		b.Run(fmt.Sprintf("%d_rules", n), func(b *testing.B) {
			l, callers := filled(b, n)
			b.ReportAllocs()
			hits, i := 0, 0
			for b.Loop() {
				if _, ok := l.Match(callers[i&1023]); ok {
					hits++
				}
				i++
			}
			b.ReportMetric(float64(hits)/float64(b.N), "hits/op")
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	l, _ := filled(b, million)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := l.Add(context.Background(), Exact, fmt.Sprintf("02%09d", i), "bench"); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{"", "070", "+8270", "+82", "112", "mallory", "*98", "+", "\uff10\uff17\uff10", "0070082", "sip:a@b", "1 2", "\xff"} {
		for typ := range 4 {
			f.Add(typ, s, "+82 70 1234 5678")
		}
	}
	p, err := number.New("KR")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, typ int, pattern, caller string) {
		l, err := New(p, Options{AnonymousBlocked: true})
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Add(context.Background(), Type(typ), pattern, "fuzz")
		if err != nil {
			if l.Len() != 0 {
				t.Fatalf("%q was refused and kept: %v", pattern, err)
			}
			return
		}
		if r.Pattern == "" || len([]rune(r.Pattern)) > number.MaxLength {
			t.Fatalf("%v %q became %q", Type(typ), pattern, r.Pattern)
		}
		for _, n := range []number.Number{p.Parse(caller), p.Parse(pattern), p.Parse("112")} {
			got, ok := l.Match(n)
			if n.IsEmergency() && ok {
				t.Fatalf("%v blocks emergency number %q", r, n)
			}
			want, wantOK := naive(l.Rules(), n)
			if !n.IsAnonymous() && (ok != wantOK || got != want) {
				t.Fatalf("%q: %v %v, naive %v %v", n, got, ok, want, wantOK)
			}
		}
		if Type(typ) == Exact && !blocked(l, p, pattern) {
			t.Fatalf("EXACT %q does not block itself", pattern)
		}
	})
}
