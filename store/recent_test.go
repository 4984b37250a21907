package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRecent_OfEachNumber(t *testing.T) {
	s := open(t, memory, Options{})
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	for i, r := range []HistoryRow{
		{Type: HistoryOut, Number: "A", Talk: time.Minute}, {Type: HistoryMissed, Number: "B"}, {Type: HistoryOutCanceled, Number: "A"},
		{Type: HistoryMissed}, {Type: HistoryMissed}, {Type: HistoryIn, Number: "B", Talk: time.Second, Ring: 2 * time.Second},
		{Type: HistoryMissed, Number: "A"},
	} {
		r.Started, r.Ended = at.Add(time.Duration(i)*time.Minute), at.Add(time.Hour)
		appendOne(t, s, "t", "", &r)
	}
	ids := func(rows []HistoryRow, err error) (out []int64) {
		require.NoError(t, err)
		for _, r := range rows {
			out = append(out, r.ID)
		}
		return out
	}
	missed := HistoryFilter{Types: []HistoryType{HistoryMissed}}
	assert.Equal(t, []int64{7, 6}, ids(s.Recent(t.Context(), HistoryFilter{Limit: 5}, 2)))
	assert.Equal(t, []int64{7, 5, 4, 2}, ids(s.Recent(t.Context(), missed, 0)))
	assert.Equal(t, []int64{7, 6, 5, 4}, ids(s.RecentNumbers(t.Context(), HistoryFilter{}, 0)), "no number is no caller")
	assert.Equal(t, []int64{7, 6}, ids(s.RecentNumbers(t.Context(), HistoryFilter{}, 2)))
	assert.Equal(t, []int64{5, 4, 2}, ids(s.RecentNumbers(t.Context(), HistoryFilter{Types: missed.Types, BeforeID: 7}, 10)))

	known, err := s.OfNumbers(t.Context(), "A", "B", "C", "")
	require.NoError(t, err)
	require.Len(t, known, 2)
	assert.EqualValues(t, 7, known["A"].Newest.ID)
	assert.Equal(t, 2, known["A"].Outgoing)
	assert.Equal(t, HistoryIn, known["B"].Newest.Type)
	assert.Zero(t, known["B"].Outgoing)
	for _, none := range [][]string{nil, {""}, {"C"}} {
		known, err = s.OfNumbers(t.Context(), none...)
		require.NoError(t, err)
		assert.Empty(t, known)
	}
	many := make([]string, 1200)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	known, err = s.OfNumbers(t.Context(), append(many, "A")...)
	require.NoError(t, err)
	assert.Len(t, known, 1)

	total, err := s.Total(t.Context(), HistoryFilter{})
	require.NoError(t, err)
	assert.Equal(t, HistoryTotal{
		Calls: 7, Talk: 61 * time.Second, Ring: 2 * time.Second,
		ByType: map[HistoryType]int{HistoryOut: 1, HistoryOutCanceled: 1, HistoryMissed: 4, HistoryIn: 1},
	}, total)
	total, err = s.Total(t.Context(), HistoryFilter{Number: "C"})
	require.NoError(t, err)
	assert.Zero(t, total.Calls)

	require.NoError(t, s.Close())
	_, err = s.RecentNumbers(t.Context(), HistoryFilter{}, 1)
	assert.ErrorIs(t, err, ErrClosed)
	_, err = s.OfNumbers(t.Context(), "A")
	assert.ErrorIs(t, err, ErrClosed)
	_, err = s.Total(t.Context(), HistoryFilter{})
	assert.ErrorIs(t, err, ErrClosed)
}
