package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/store"
)

// remember writes calls into the history of a folder, oldest first.
func remember(t *testing.T, data string, rows ...store.HistoryRow) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(data, phone.StoreName), store.Options{})
	require.NoError(t, err)
	done := make(chan error, len(rows))
	for i, r := range rows {
		r.CallID = "call-" + string(rune('a'+i))
		s.Append(store.Event{Type: phone.TypeEnded, Time: r.Ended, Data: []byte("{}")}, &r, func(_ uint64, err error) { done <- err })
	}
	for range rows {
		require.NoError(t, <-done)
	}
	require.NoError(t, s.Close())
}

func TestHistory_Session(t *testing.T) {
	t.Parallel()
	x := &transcript{t: t, data: t.TempDir()}
	at := func(minute int) time.Time { return time.Date(2026, 11, 21, 9, minute, 0, 0, time.Local) }
	x.run(0, "history", nil)
	x.run(0, "contacts add 김민수 010-1234-5678", nil)
	remember(t, x.data,
		store.HistoryRow{Direction: "out", Type: store.HistoryOut, Number: "01012345678", RawNumber: "010-1234-5678", CallType: "NORMAL", Cause: "completed",
			Started: at(1), Answered: at(1).Add(5 * time.Second), Ended: at(3), Ring: 5 * time.Second, Talk: 115 * time.Second, SIPCode: 200},
		store.HistoryRow{Direction: "in", Type: store.HistoryMissed, Number: "01012345678", RawNumber: "+821012345678", Name: "Minsu", Cause: "missed",
			Started: at(5), Ended: at(6), Ring: 20 * time.Second, SIPCode: 487},
		store.HistoryRow{Direction: "in", Type: store.HistoryBlocked, Number: "07012345678", Name: "\x1b[31mSpam", Cause: "blocked", Started: at(7), Ended: at(7), SIPCode: 603},
		store.HistoryRow{Direction: "in", Type: store.HistoryMissed, Started: at(8), Ended: at(8), Ring: 300 * time.Millisecond},
		store.HistoryRow{Direction: "out", Type: store.HistoryOutCanceled, Number: "mallory", Cause: "busy", Started: at(9), Ended: at(9), SIPCode: 486},
	)
	x.run(0, "history", nil)
	x.run(0, "history --missed", nil)
	x.run(0, "history --missed --json", nil)
	x.run(0, "history --limit 2", nil)
	x.run(0, "history --limit 2 --before 4", nil)
	x.run(0, "history --number +82-10-1234-5678 --json", nil)
	x.run(0, "history --type blocked,out_canceled", nil)
	x.run(0, "history --direction out", nil)
	x.run(0, "history --since 2026-11-21T09:07:30 --until 2026-11-21T09:08:30", nil)
	x.run(0, "history --since 2026-11-22", nil)
	x.check("history")
}

// The history of a real call is there while the phone runs.
func TestHistory_OfARunningPhone(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	p, _, data := controlled(t, ex, "bob")
	caller := as(t, ex, "alice", "call", "bob")
	p.phoneEvent("CallArrived", 1)
	require.Zero(t, runs(t, "contacts", "add", "Alice L.", "alice", "--data-dir", data).code)
	caller.interrupt()
	assert.Equal(t, exitCancelled, caller.wait())
	p.phoneEvent("CallEnded", 1)
	shown := runs(t, "history", "--missed", "--data-dir", data)
	assert.Contains(t, shown.stdout.String(), "Alice L. (alice)")
	assert.Contains(t, shown.stdout.String(), "MISSED")
	p.interrupt()
	assert.Zero(t, p.wait())
}
