package store

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/number"
)

func TestMain(m *testing.M) {
	child() // ends the process when it is a child of a test
	writer()
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, path string, o Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), path, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func temp(t testing.TB) string { return filepath.Join(t.TempDir(), "data", "phone #1?%.db") }

func appendOne(t testing.TB, s *Store, typ, subject string, row *HistoryRow) uint64 {
	t.Helper()
	seq, err := s.AppendWait(context.Background(), Event{Type: typ, Subject: subject}, row)
	require.NoError(t, err)
	return seq
}

func TestAppend_RoundTrip(t *testing.T) {
	for _, path := range []string{temp(t), memory} {
		s := open(t, path, Options{})
		at := time.Date(2026, 11, 21, 9, 0, 0, 123456789, time.UTC)
		row := HistoryRow{
			CallID: "c1", Direction: "in", Type: HistoryIn, Number: "01012345678", RawNumber: "+82 10 1234 5678", Name: "Kim",
			AccountID: "alice", CallType: "NORMAL", Cause: "remote", Started: at, Answered: at.Add(time.Second), Ended: at.Add(time.Minute),
			Ring: time.Second, Talk: 59 * time.Second, SIPCode: 200,
		}
		seq, err := s.AppendWait(t.Context(), Event{ID: "x", Type: "call.ended", Subject: "c1", Time: at, Data: json.RawMessage(`{"a":1}`)}, &row)
		require.NoError(t, err)
		assert.EqualValues(t, 1, seq)
		events, err := s.Events(t.Context(), 0, 0)
		require.NoError(t, err)
		assert.Equal(t, []Event{{Seq: 1, ID: "x", Type: "call.ended", Subject: "c1", Time: at, Data: json.RawMessage(`{"a":1}`)}}, events)
		rows, err := s.History(t.Context(), HistoryFilter{})
		require.NoError(t, err)
		row.ID = 1
		assert.Equal(t, []HistoryRow{row}, rows)
		last, err := s.LastSeq(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, 1, last)
	}
}

func TestAppend_Refused(t *testing.T) {
	s := open(t, memory, Options{})
	for _, ev := range []Event{{}, {Type: "a", Data: json.RawMessage(`{`)}, {Type: "a", Data: make(json.RawMessage, maxData+1)}} {
		_, err := s.AppendWait(t.Context(), ev, nil)
		assert.Error(t, err)
	}
	_, err := s.AppendWait(t.Context(), Event{Type: "a"}, &HistoryRow{})
	assert.ErrorContains(t, err, "CallID")
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err = s.AppendWait(t.Context(), Event{Type: "a"}, nil)
	assert.ErrorIs(t, err, ErrClosed)
	_, err = s.History(t.Context(), HistoryFilter{})
	assert.ErrorIs(t, err, ErrClosed)
	_, err = s.Cursor(0).Next(t.Context())
	assert.ErrorIs(t, err, ErrClosed)
	assert.ErrorIs(t, s.SetSetting(t.Context(), "a", "b"), ErrClosed)
}

func TestAppend_OneBadEventLeavesOthersAlone(t *testing.T) {
	s := open(t, memory, Options{})
	var mu sync.Mutex
	var order []string
	note := func(name string) func(uint64, error) {
		return func(seq uint64, err error) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, fmt.Sprintf("%s %d %v", name, seq, err != nil))
		}
	}
	// The connection is taken, so that all go into one transaction.
	conn, err := s.files.write.Conn(t.Context())
	require.NoError(t, err)
	s.Append(Event{ID: "0", Type: "first"}, nil, note("first"))
	for i, id := range []string{"1", "2", "1", "3"} {
		s.Append(Event{ID: id, Type: "t"}, &HistoryRow{CallID: id, Ended: time.Now()}, note(fmt.Sprint(i)))
	}
	require.NoError(t, conn.Close())
	require.NoError(t, s.Close())
	assert.Equal(t, []string{"first 1 false", "0 2 false", "1 3 false", "2 0 true", "3 4 false"}, order)
}

func TestAppend_QueueIsBounded(t *testing.T) {
	s := open(t, memory, Options{QueueLimit: 10})
	conn, err := s.files.write.Conn(t.Context())
	require.NoError(t, err)
	var mu sync.Mutex
	written, full := 0, 0
	for range 100 {
		s.Append(Event{Type: "t"}, nil, func(_ uint64, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				written++
				return
			}
			assert.ErrorIs(t, err, ErrQueueFull)
			full++
		})
	}
	require.NoError(t, conn.Close())
	require.NoError(t, s.Close())
	assert.Equal(t, 100, written+full)
	assert.GreaterOrEqual(t, written, 10)
	assert.GreaterOrEqual(t, full, 80)
}

func TestCursor_ReplaysThenFollows(t *testing.T) {
	s := open(t, temp(t), Options{})
	const before, after, cursors = 700, 700, 5
	for range before - 1 {
		s.Append(Event{Type: "t"}, nil, nil)
	}
	appendOne(t, s, "t", "", nil)
	var wg sync.WaitGroup
	for i := range cursors {
		wg.Go(func() {
			c := s.Cursor(uint64(i))
			for want := uint64(i + 1); want <= before+after; want++ {
				ev, err := c.Next(context.Background())
				if !assert.NoError(t, err) || !assert.Equal(t, want, ev.Seq) || !assert.Equal(t, want, c.Seq()) {
					return
				}
			}
		})
	}
	for range after {
		s.Append(Event{Type: "t"}, nil, nil)
	}
	wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Cursor(0).Next(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestCursor_Gap(t *testing.T) {
	s := open(t, memory, Options{})
	for range 20 {
		appendOne(t, s, "t", "", nil)
	}
	require.NoError(t, s.Prune(t.Context(), 5))
	require.NoError(t, s.Prune(t.Context(), 50))
	c := s.Cursor(3)
	_, err := c.Next(t.Context())
	var gap *GapError
	require.ErrorAs(t, err, &gap)
	require.ErrorIs(t, err, ErrGap)
	assert.Equal(t, GapError{Since: 3, First: 16}, *gap)
	ev, err := c.Next(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 16, ev.Seq)

	c = s.Cursor(500) // of a journal that was lost
	_, err = c.Next(t.Context())
	require.ErrorAs(t, err, &gap)
	assert.Equal(t, GapError{Since: 500, First: 16}, *gap)

	require.NoError(t, s.Prune(t.Context(), 0))
	c = s.Cursor(16)
	_, err = c.Next(t.Context())
	require.ErrorAs(t, err, &gap)
	assert.Equal(t, GapError{Since: 16, First: 21}, *gap)
	assert.EqualValues(t, 21, appendOne(t, s, "t", "", nil), "sequence numbers are never used twice")
	ev, err = c.Next(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 21, ev.Seq)
}

func TestHistory_Queries(t *testing.T) {
	s := open(t, memory, Options{})
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	for i, r := range []HistoryRow{
		{Type: HistoryMissed, Number: "A", Direction: "in"}, {Type: HistoryOut, Number: "A", Direction: "out"},
		{Type: HistoryBlocked, Number: "A", Direction: "in"}, {Type: HistoryOutCanceled, Number: "B", Direction: "out", AccountID: "x"},
		{Type: HistoryIn, Number: "B", Direction: "in"},
	} {
		r.Started, r.Ended = at.Add(time.Duration(i)*time.Minute), at.Add(time.Hour)
		appendOne(t, s, "t", "", &r)
	}
	ids := func(f HistoryFilter) (out []int64) {
		rows, err := s.History(t.Context(), f)
		require.NoError(t, err)
		for _, r := range rows {
			out = append(out, r.ID)
		}
		return out
	}
	assert.Equal(t, []int64{5, 4, 3, 2, 1}, ids(HistoryFilter{}))
	assert.Equal(t, []int64{3, 2, 1}, ids(HistoryFilter{Number: "A"}))
	assert.Equal(t, []int64{4, 2}, ids(HistoryFilter{Types: []HistoryType{HistoryOut, HistoryOutCanceled}}))
	assert.Equal(t, []int64{5, 3, 1}, ids(HistoryFilter{Direction: "in"}))
	assert.Equal(t, []int64{4}, ids(HistoryFilter{AccountID: "x"}))
	assert.Equal(t, []int64{3, 2}, ids(HistoryFilter{Since: at.Add(time.Minute), Until: at.Add(3 * time.Minute)}))
	assert.Equal(t, []int64{3, 2}, ids(HistoryFilter{BeforeID: 4, Limit: 2}))
	missed, err := s.IsRecentMissed(t.Context(), "A")
	require.NoError(t, err)
	assert.True(t, missed, "neither an outgoing nor a blocked call clears it")
	missed, _ = s.IsRecentMissed(t.Context(), "B")
	assert.False(t, missed)
	_, ok, err := s.LastIncoming(t.Context(), "")
	assert.False(t, ok)
	require.NoError(t, err)
	out, ok, _ := s.LastOutgoing(t.Context())
	assert.True(t, ok)
	assert.Equal(t, "B", out.Number)
	n, err := s.CountOutgoing(t.Context(), "A")
	require.NoError(t, err)
	assert.Equal(t, 1, n)
}

func TestSettings(t *testing.T) {
	s := open(t, memory, Options{})
	_, ok, err := s.Setting(t.Context(), "k")
	require.NoError(t, err)
	assert.False(t, ok)
	require.NoError(t, s.SetSetting(t.Context(), "k", "1"))
	require.NoError(t, s.SetSetting(t.Context(), "k", "2"))
	v, ok, err := s.Setting(t.Context(), "k")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, "2", v)
}

func TestRules_ServeBlocklist(t *testing.T) {
	path := temp(t)
	plan, err := number.New("KR")
	require.NoError(t, err)
	list := func(s *Store) *blocklist.List {
		l, err := blocklist.New(plan, blocklist.Options{Store: s.Rules()})
		require.NoError(t, err)
		return l
	}
	s := open(t, path, Options{})
	daemon, cli := list(s), list(open(t, path, Options{}))
	r, err := cli.Add(t.Context(), blocklist.Prefix, "+82 70", "cli")
	require.NoError(t, err)
	again, err := daemon.Add(t.Context(), blocklist.Prefix, "070", "agent")
	require.NoError(t, err)
	assert.Equal(t, r, again, "the rule of the other process")
	rules := make([]blocklist.Entry, 3000)
	for i := range rules {
		rules[i] = blocklist.Entry{Type: blocklist.Exact, Pattern: fmt.Sprintf("010%08d", i)}
	}
	_, err = cli.Import(t.Context(), rules, "cli")
	require.NoError(t, err)
	require.NoError(t, cli.Remove(t.Context(), r.ID))
	require.NoError(t, daemon.Refresh(t.Context()))
	assert.Len(t, daemon.Rules(), 3000)
	assert.True(t, slices.Equal(cli.Rules(), daemon.Rules()))
	assert.True(t, slices.Equal(cli.Rules(), list(s).Rules()))
	_, blocked := daemon.Match(plan.Parse("07012345678"))
	assert.False(t, blocked)
	_, blocked = daemon.Match(plan.Parse("+82 10 0000 2999"))
	assert.True(t, blocked)
	require.NoError(t, daemon.Refresh(t.Context()))
}

func TestOpenCalls_EndedAfterCrash(t *testing.T) {
	path := temp(t)
	crashed, other := open(t, path, Options{}), open(t, path, Options{})
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	begin := func(s *Store, id string, answered bool) {
		row := HistoryRow{CallID: id, Direction: "in", Number: "01012345678", Started: at}
		_, err := s.AppendWait(t.Context(), Event{Type: "call.incoming", Subject: id, Time: at}, &row)
		require.NoError(t, err)
		if answered {
			row.Answered = at.Add(2 * time.Second)
			_, err = s.AppendWait(t.Context(), Event{Type: "call.answered", Subject: id, Time: row.Answered}, &row)
			require.NoError(t, err)
			_, err = s.AppendWait(t.Context(), Event{Type: "call.digit", Subject: id, Time: at.Add(10 * time.Second)}, nil)
			require.NoError(t, err)
		}
	}
	begin(crashed, "talking", true)
	begin(crashed, "ringing", false)
	begin(crashed, "over", true)
	appendOne(t, crashed, "call.ended", "over", &HistoryRow{CallID: "over", Type: HistoryIn, Ended: at.Add(time.Minute)})
	begin(other, "alive", true)

	own, err := other.RecoverOpenCalls(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, own, "both processes live")
	require.NoError(t, crashed.Close())
	calls, err := other.RecoverOpenCalls(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, calls, 2)
	calls, err = other.RecoverOpenCalls(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, calls, "each call ends once")

	rows, err := other.History(t.Context(), HistoryFilter{Limit: 2})
	require.NoError(t, err)
	ringing, talking := rows[0], rows[1]
	if ringing.CallID != "ringing" {
		ringing, talking = talking, ringing
	}
	assert.Equal(t, "restart", ringing.Cause)
	assert.Equal(t, HistoryMissed, ringing.Type)
	assert.Equal(t, "restart", talking.Cause)
	assert.Equal(t, HistoryIn, talking.Type)
	assert.Equal(t, 8*time.Second, talking.Talk)
	events, err := other.Events(t.Context(), 0, 0)
	require.NoError(t, err)
	ended := 0
	for _, ev := range events[len(events)-2:] {
		assert.Equal(t, TypeEnded, ev.Type)
		assert.JSONEq(t, fmt.Sprintf(`{"call_id":%q,"cause":"restart"}`, ev.Subject), string(ev.Data))
		ended++
	}
	assert.Equal(t, 2, ended)
	left, err := filepath.Glob(filepath.Dir(path) + "/*.live-*")
	require.NoError(t, err)
	assert.Len(t, left, 1, "the mark of the crashed process is gone")
}

func TestStore_InBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), memory, Options{})
		require.NoError(t, err)
		c := s.Cursor(0)
		got := make(chan Event)
		go func() {
			for range 2 {
				ev, err := c.Next(context.Background())
				assert.NoError(t, err)
				got <- ev
			}
		}()
		begin := time.Now()
		time.Sleep(time.Hour)
		s.Append(Event{Type: "a"}, nil, nil)
		assert.EqualValues(t, 1, (<-got).Seq)
		assert.Equal(t, time.Hour, time.Since(begin))
		time.Sleep(time.Hour)
		appendOne(t, s, "b", "", &HistoryRow{CallID: "1", Ended: time.Now()})
		assert.Equal(t, begin.Add(2*time.Hour).UTC(), (<-got).Time)
		require.NoError(t, s.Close())
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, path := range []string{"file", memory} {
		b.Run(path, func(b *testing.B) {
			if path == "file" {
				path = temp(b)
			}
			s := open(b, path, Options{QueueLimit: 1 << 30})
			row := &HistoryRow{CallID: "c", Type: HistoryIn, Ended: time.Now()}
			data := json.RawMessage(`{"call_id":"0192d7b0","cause":"remote"}`)
			b.ReportAllocs()
			begin := time.Now()
			for b.Loop() {
				s.Append(Event{Type: "call.ended", Subject: "c", Data: data}, row, nil)
			}
			_, err := s.AppendWait(context.Background(), Event{Type: "last"}, nil)
			require.NoError(b, err)
			// ns/op is what the caller waits; this is until all are on disk.
			b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "committed/s")
		})
	}
	b.Run("wait", func(b *testing.B) {
		s := open(b, temp(b), Options{})
		for b.Loop() {
			appendOne(b, s, "call.ended", "c", nil)
		}
	})
}
