package dialer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/sip"
)

func TestVerdictOf(t *testing.T) {
	status := func(code int) error { return fmt.Errorf("call: %w", &sip.StatusError{Code: code, Reason: "r"}) }
	for _, tc := range []struct {
		err  error
		want Disposition
		by   Party
		code int
	}{
		{status(486), Busy, Remote, 486},
		{status(600), Busy, Remote, 600},
		{status(603), Declined, Remote, 603},
		{status(607), Declined, Remote, 607},
		{status(608), Declined, Remote, 608},
		{status(408), NoAnswer, Remote, 408},
		{status(480), NoAnswer, Remote, 480},
		{status(415), MediaFailed, Remote, 415},
		{status(488), MediaFailed, Remote, 488},
		{status(606), MediaFailed, Remote, 606},
		{status(404), Failed, Remote, 404},
		{status(302), Failed, Remote, 302},
		{status(487), Failed, Remote, 487},
		{context.Canceled, Cancelled, Local, 487},
		{fmt.Errorf("x: %w", sip.ErrUnreachable), Unreachable, Network, 0},
		{fmt.Errorf("x: %w", media.ErrNoPort), MediaFailed, Local, 0},
		{offer.ErrNoCommonCodec, MediaFailed, Local, 0},
		{errors.New("anything"), Failed, Network, 0},
	} {
		got, by, code, _ := verdictOf(tc.err)
		require.Equal(t, tc.want, got, "%v", tc.err)
		require.Equal(t, tc.by, by, "%v", tc.err)
		require.Equal(t, tc.code, code, "%v", tc.err)
	}
}

func TestOutcomeNames(t *testing.T) {
	seen := map[string]bool{}
	for d := Completed; d <= MediaFailed; d++ {
		seen[d.String()] = true
	}
	for p := Local; p <= Network; p++ {
		seen[p.String()] = true
	}
	for e := EventDialing; e <= EventEnded; e++ {
		require.NotContains(t, e.String(), "(")
	}
	require.Len(t, seen, int(MediaFailed)+int(Network), "no two alike")
	require.Equal(t, "Disposition(0)", Disposition(0).String())
	require.Equal(t, "Party(0)", Party(0).String())
	require.Equal(t, "EventType(0)", EventType(0).String())
	require.Equal(t, "Direction(0)", Direction(0).String())
	require.Equal(t, "outbound inbound", Outbound.String()+" "+Inbound.String())
	require.Equal(t, "ended", EventEnded.String())
}

func TestMailbox(t *testing.T) {
	m := newMailbox()
	n := 0
	require.True(t, m.post(func() { n++ }))
	require.True(t, m.post(func() { n += 10 }))
	require.False(t, m.closeIfEmpty(), "nothing that got in is lost")
	for _, f := range m.take() {
		f()
	}
	require.Equal(t, 11, n)
	require.Nil(t, m.take())
	require.True(t, m.closeIfEmpty())
	require.False(t, m.post(func() {}))
}

func TestAlarm_StoppedWhileItsMessageIsOnTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMailbox()
		var a alarm
		rung := 0
		a.start(time.Second, m, func() { rung++ })
		pass(2 * time.Second)
		late := m.take()
		require.Len(t, late, 1)
		a.stop()
		late[0]()
		require.Zero(t, rung)
		a.start(time.Second, m, func() { rung++ })
		pass(time.Second)
		synctest.Wait()
		m.take()[0]()
		require.Equal(t, 1, rung)
		a.start(-1, m, func() { rung++ })
		pass(time.Hour)
		require.Empty(t, m.take())
	})
}
