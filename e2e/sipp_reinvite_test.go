package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSIPp_Glare_RFC3261_14_1(t *testing.T) {
	t.Parallel()
	callSIPp(t, "glare.xml", "--hold", "200ms,1m", "--duration", "6s")
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
