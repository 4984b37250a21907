package agent

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestStep_EveryPair checks the table against the edges of the specification,
// written down a second time: no other input moves the state, and no event of a
// move is told without one.
func TestStep_EveryPair(t *testing.T) {
	type edge struct {
		s  State
		in input
	}
	type move struct {
		to    State
		event effect
	}
	moves := map[edge]move{
		{Idle, inMakeCall}: {Outgoing, doDial}, {Idle, inDialled}: {Outgoing, doAcquireFocus},
		{Idle, inArrived}:      {Incoming, emitCallArrived},
		{Outgoing, inAnswered}: {Established, emitCallEstablished}, {Incoming, inAnswered}: {Established, emitCallEstablished},
		{Outgoing, inEnded}: {Idle, emitCallEnded}, {Incoming, inEnded}: {Idle, emitCallEnded}, {Established, inEnded}: {Idle, emitCallEnded},
		{Outgoing, inEndedBefore}: {Idle, emitMakeCallFailed}, {Outgoing, inDialRefused}: {Idle, emitMakeCallFailed},
	}
	for i := range stateCount {
		for k := range inputCount {
			s, in := State(i), input(k)
			next, effects, ok := step(s, in)
			if want, moved := moves[edge{s, in}]; moved {
				assert.True(t, ok, "%s, %s", s, in)
				assert.Equal(t, want.to, next, "%s, %s", s, in)
				assert.Equal(t, want.event, effects[len(effects)-1], "%s, %s", s, in)
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

// A directive has an answer in every state, be it that nothing happens; only
// MakeCall outside IDLE has none, and is refused.
func TestStep_DirectivesHaveAPlaceEverywhere(t *testing.T) {
	for i := range stateCount {
		for _, in := range []input{inEndCall, inAcceptCall, inBlockIncoming} {
			_, _, ok := step(State(i), in)
			assert.True(t, ok, "%s, %s", State(i), in)
		}
		for _, in := range []input{inMakeCall, inMakeVideoCall} {
			_, _, ok := step(State(i), in)
			assert.Equal(t, State(i) == Idle, ok, "%s, %s", State(i), in)
		}
	}
}

func TestNames_OfTheTable(t *testing.T) {
	seen := map[string]bool{}
	for i := range stateCount {
		s := State(i).String()
		assert.False(t, seen[s] || s == "INVALID", s)
		seen[s] = true
		var back State
		require.NoError(t, back.UnmarshalText([]byte(s)))
		assert.Equal(t, State(i), back)
	}
	for i := range inputCount {
		assert.False(t, seen[input(i).String()] || input(i).String() == "INVALID", i)
		seen[input(i).String()] = true
	}
	for e := range int(emitCallEnded) + 1 {
		assert.False(t, seen[effect(e).String()] || effect(e).String() == "INVALID", e)
		seen[effect(e).String()] = true
	}
	assert.Equal(t, "INVALID", State(-1).String())
	assert.Equal(t, "INVALID", input(inputCount).String())
	assert.Equal(t, "INVALID", effect(99).String())
	var s State
	assert.ErrorContains(t, s.UnmarshalText([]byte("BUSY")), "no PhoneCall state")
}

// mermaid draws the table.
func mermaid() string {
	var b strings.Builder
	b.WriteString("# The PhoneCall state\n\n")
	b.WriteString("Drawn from the table in `agent/state.go` by `go test ./agent -run TestDiagram -update`. An edge reads: what\n")
	b.WriteString("happens / what is done. D is a directive, E an event. An edge back to its own state moves nothing.\n\n")
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> IDLE\n")
	var still []string
	for i := range stateCount {
		for k := range inputCount {
			to, effects, ok := step(State(i), input(k))
			if !ok {
				continue
			}
			if len(effects) == 0 {
				still = append(still, fmt.Sprintf("- %s: %s\n", State(i), input(k)))
				continue
			}
			names := make([]string, len(effects))
			for n, e := range effects {
				names[n] = e.String()
			}
			fmt.Fprintf(&b, "    %s --> %s: %s / %s\n", State(i), to, input(k), strings.Join(names, ", "))
		}
	}
	b.WriteString("```\n\nAccepted, and nothing happens:\n\n")
	b.WriteString(strings.Join(still, ""))
	b.WriteString("\nSendCandidates and BlockNumber are carried out in every state and leave it as it is. MakeCall outside IDLE is\nrefused. ")
	b.WriteString("Acquiring a focus that is held does nothing, nor does going back to a route that was never left.\n")
	return b.String()
}

func TestDiagram(t *testing.T) {
	golden(t, filepath.Join("..", "docs", "design", "phonecall-states.md"), mermaid(), "TestDiagram")
}

// golden compares with a file, or writes it with -update.
func golden(t *testing.T, path, want, test string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err, "write it with: go test ./agent -run %s -update", test)
	require.Equal(t, want, string(got), "it changed: go test ./agent -run %s -update", test)
}
