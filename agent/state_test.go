package agent

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestStep_EveryPair checks the table against the edges of the specification.
func TestStep_EveryPair(t *testing.T) {
	type edge struct {
		s  State
		in input
	}
	moves := map[edge]State{
		{Idle, inMakeCall}: Outgoing, {Idle, inArrived}: Incoming,
		{Outgoing, inAnswered}: Established, {Incoming, inAnswered}: Established,
		{Outgoing, inEnded}: Idle, {Incoming, inEnded}: Idle, {Established, inEnded}: Idle,
		{Outgoing, inEndedBefore}: Idle, {Outgoing, inDialRefused}: Idle,
	}
	for s := Idle; s <= Established; s++ {
		for in := inMakeCall; in <= inDialRefused; in++ {
			next, effects, ok := step(s, in)
			if want, moved := moves[edge{s, in}]; moved {
				assert.True(t, ok, "%s, %s", s, in)
				assert.Equal(t, want, next, "%s, %s", s, in)
				continue
			}
			assert.Equal(t, s, next, "%s, %s", s, in)
			if !ok {
				assert.Empty(t, effects)
			}
			for _, e := range effects {
				assert.NotContains(t, []effect{emitCallEnded, emitCallEstablished, emitCallArrived}, e,
					"%s, %s: an event of a move without a move", s, in)
			}
		}
	}
}
