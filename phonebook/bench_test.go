package phonebook

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const many = 100_000

// crowd makes contacts with Korean and Latin names, one in ten of two words or
// of a shop, with one to three numbers.
func crowd(n int) []Contact {
	family := strings.Split("김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황 안 송 류 전 홍 고 문 양 손 배 백 허 남 심 남궁 황보 선우", " ")
	given := strings.Split("민 서 지 현 수 영 은 준 우 하 윤 도 예 진 성 호 동 경 재 미 희 정 혜 원 연 아 나 라 훈 철 석 규 상 기 태 승 완 빈 솔 별", " ")
	first := strings.Split("James Mary John Patricia Robert Jennifer Michael Linda William Elizabeth David Barbara Zoë José Søren Łukasz Anna Erik Maria Yuki Olivia Noah", " ")
	last := strings.Split("Smith Johnson Williams Brown Jones García Miller Davis Rodríguez Martínez Wilson Anderson Thomas Taylor Moore O'Brien Müller Nguyễn Kim Lee Park", " ")
	shop := strings.Split("치킨 빵집 미용실 약국 정육점 부동산 세탁소 꽃집 피자 식당", " ")
	rnd := rand.New(rand.NewPCG(3, 4))
	pick := func(from []string) string { return from[rnd.IntN(len(from))] }
	out := make([]Contact, n)
	for i := range out {
		var name string
		switch k := rnd.IntN(20); {
		case k < 11:
			name = pick(family) + pick(given) + pick(given)
		case k < 12:
			name = pick(family) + pick(given) + pick(given) + " " + pick([]string{"과장", "대리", "부장", "선생님", "엄마"})
		case k < 13:
			name = pick(family) + pick(given) + "네 " + pick(shop)
		case k < 18:
			name = pick(first) + " " + pick(last)
		default:
			name = pick(first) + " " + string(rune('A'+rnd.IntN(26))) + ". " + pick(last) + " " + fmt.Sprint(rnd.IntN(1000))
		}
		c := Contact{Token: newToken(), Name: name, Entries: []Entry{{Label: Mobile, Number: fmt.Sprintf("010-%04d-%04d", rnd.IntN(10000), rnd.IntN(10000))}}}
		for range rnd.IntN(3) {
			c.Entries = append(c.Entries, Entry{Label: Label(rnd.IntN(4)), Number: fmt.Sprintf("02-%04d-%04d", rnd.IntN(10000), rnd.IntN(10000))})
		}
		out[i] = c
	}
	return out
}

// queries are what people look for, of every way of matching.
var queries = [...]struct{ name, query, label string }{
	{"exact", "김민수", ""}, {"label", "김민수", "회사 전화"}, {"prefix", "김", ""}, {"part", "민수", ""}, {"initials", "ㄱㅁㅅ", ""},
	{"one_initial", "ㄱ", ""}, {"typing", "김미", ""}, {"edits", "김믄슈", ""}, {"latin", "john smith", ""}, {"latin_words", "smith john", ""},
	{"latin_edits", "jonh smyth", ""}, {"letter", "a", ""}, {"long", "elizabeth rodriguez martinez", ""}, {"nothing", "없는이름입니다", ""},
}

func crowdedBook(t testing.TB) *Book {
	t.Helper()
	b, _ := newBook(t)
	_, err := b.Import(context.Background(), crowd(many))
	require.NoError(t, err)
	return b
}

func BenchmarkSearch(bench *testing.B) {
	b := crowdedBook(bench)
	for _, q := range queries {
		bench.Run(q.name, func(bench *testing.B) {
			query := Query{Name: q.query, Label: q.label}
			var times []time.Duration
			hits := 0
			bench.ReportAllocs()
			for bench.Loop() {
				begin := time.Now()
				hits = len(b.Search(query))
				times = append(times, time.Since(begin))
			}
			slices.Sort(times)
			bench.ReportMetric(float64(hits), "hits")
			bench.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms-median")
			bench.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "ms-p99")
		})
	}
}

func BenchmarkByNumber(bench *testing.B) {
	b := crowdedBook(bench)
	n := b.plan.Parse(b.All()[many/2].Entries[0].Number)
	bench.ReportAllocs()
	for bench.Loop() {
		if len(b.ByNumber(n)) == 0 {
			bench.Fatal("not found")
		}
	}
}

func BenchmarkImport(bench *testing.B) {
	contacts := crowd(many)
	for bench.Loop() {
		b, _ := newBook(bench)
		if _, err := b.Import(context.Background(), contacts); err != nil {
			bench.Fatal(err)
		}
	}
}

// What a contact costs in memory, and that nothing grows with use.
func TestBook_MemoryIsBounded(t *testing.T) {
	const n = 20_000
	var before, after runtime.MemStats
	contacts := crowd(n)
	runtime.GC()
	runtime.ReadMemStats(&before)
	b, _ := newBook(t)
	_, err := b.Import(t.Context(), contacts)
	require.NoError(t, err)
	use := func() float64 {
		runtime.GC()
		runtime.ReadMemStats(&after)
		return float64(after.HeapAlloc-before.HeapAlloc) / n
	}
	// The texts themselves are those of contacts, which are counted before.
	first := use()
	t.Logf("%.0f bytes a contact beside its texts", first)
	assert.Less(t, first, 1500.0)
	for range 3 {
		for _, q := range queries {
			b.Search(Query{Name: q.query, Label: q.label})
		}
		_, err := b.Import(t.Context(), contacts)
		require.NoError(t, err)
	}
	assert.Less(t, use(), 1.3*first+200)
	assert.Equal(t, n, b.Len())
	runtime.KeepAlive(contacts)
}

// Allocations follow the matches that are returned, not the contacts there are.
func TestSearch_AllocatesForMatchesOnly(t *testing.T) {
	b, _ := newBook(t)
	_, err := b.Import(t.Context(), crowd(2000))
	require.NoError(t, err)
	for _, q := range queries {
		hits := 0
		got := testing.AllocsPerRun(20, func() { hits = len(b.Search(Query{Name: q.query, Label: q.label})) })
		assert.LessOrEqual(t, got, float64(hits+60), "%s: %d hits", q.name, hits)
	}
}

func BenchmarkPage(bench *testing.B) {
	b := crowdedBook(bench)
	bench.ReportAllocs()
	for bench.Loop() {
		if page, total := b.Page(many/2, 1000); len(page) != 1000 || total != many {
			bench.Fatal(len(page), total)
		}
	}
}
