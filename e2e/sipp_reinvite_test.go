package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSIPp_Glare_RFC3261_14_1(t *testing.T) {
	t.Parallel()
	callSIPp(t, "glare.xml", "--hold", "200ms,1m", "--duration", "8s")
}

func TestSIPp_RepeatedReInvite_RFC6026_8_7(t *testing.T) {
	t.Parallel()
	p := sippCalls(t, "reinvite-repeated.xml")
	require.Equal(t, "completed", ended(p).text("disposition"))
}

func TestSIPp_ReInviteWithBadSDP_RFC3261_14_2(t *testing.T) {
	t.Parallel()
	p := sippCalls(t, "reinvite-sdp.xml")
	require.Equal(t, "completed", ended(p).text("disposition"))
}

func TestSIPp_UpdateRefusedThenRetried_RFC3311_5_2(t *testing.T) {
	t.Parallel()
	p := sippCalls(t, "update.xml")
	require.Equal(t, "completed", ended(p).text("disposition"))
}

func TestSIPp_SessionTimer422Then200_RFC4028_7_3(t *testing.T) {
	t.Parallel()
	callSIPp(t, "session-timer-422.xml", "--duration", "300ms")
}

func TestSIPp_SessionTimerTooSmall_RFC4028_9(t *testing.T) {
	t.Parallel()
	p := sippCalls(t, "session-timer-too-small.xml")
	require.Equal(t, "completed", ended(p).text("disposition"))
}
