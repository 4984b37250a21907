package dialer

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNegotiate_EveryPair(t *testing.T) {
	type row struct {
		to   negotiation
		what settlement
	}
	want := map[negotiation]map[exchange]row{
		stable: {
			offerSent:     {localOffer, keep},
			offerReceived: {remoteOffer, keep},
		},
		localOffer: {
			offerSent:      {localOffer, wait},
			answerReceived: {stable, commit},
			offerRefused:   {stable, rollback},
			offerReceived:  {localOffer, glare},
		},
		remoteOffer: {
			offerSent:     {remoteOffer, wait},
			offerReceived: {remoteOffer, busy},
			answerSent:    {stable, commit},
			offerRejected: {stable, rollback},
		},
	}
	require.Len(t, want, negotiationCount)
	for n := range negotiationCount {
		for e := range exchangeCount {
			from, step := negotiation(n), exchange(e)
			t.Run(fmt.Sprintf("%s/%s", from, step), func(t *testing.T) {
				to, what, ok := negotiate(from, step)
				r, legal := want[from][step]
				require.Equal(t, legal, ok)
				if !legal {
					r = row{from, keep}
				}
				require.Equal(t, r, row{to, what})
			})
		}
	}
}

func TestGlareWait_RFC3261_14_1(t *testing.T) {
	low := func(int) int { return 0 }
	high := func(n int) int { return n - 1 }
	require.Equal(t, 2100*time.Millisecond, glareWait(true, low))
	require.Equal(t, 4*time.Second, glareWait(true, high))
	require.Equal(t, time.Duration(0), glareWait(false, low))
	require.Equal(t, 2*time.Second, glareWait(false, high))
	for n := range 201 {
		d := glareWait(false, func(int) int { return n })
		require.Zero(t, d%(10*time.Millisecond), "in steps of 10 ms")
	}
}

func TestNegotiationNames(t *testing.T) {
	require.Equal(t, "negotiation(7)", negotiation(7).String())
	require.Equal(t, "exchange(9)", exchange(9).String())
	require.Equal(t, "settlement(9)", settlement(9).String())
}
