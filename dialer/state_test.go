package dialer

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// transition is one row of the call's state table, written down a second time.
type transition struct {
	to      State
	actions []Action
}

func wantTransitions() map[State]map[Input]transition {
	hangup := []Action{ActionRelease, ActionBye, ActionAwait}
	withdraw := []Action{ActionRelease, ActionCancel, ActionAwait}
	refuse := []Action{ActionReject, ActionRelease, ActionFinish}
	over := []Action{ActionRelease, ActionFinish}
	return map[State]map[Input]transition{
		Idle: {
			InputDial:   {Outgoing, []Action{ActionInvite}},
			InputArrive: {Incoming, []Action{ActionRing}},
			InputRefuse: {Ended, []Action{ActionReject, ActionFinish}},
		},
		Outgoing: {
			InputProgress:    {Outgoing, []Action{ActionReport}},
			InputAccepted:    {Established, []Action{ActionAck, ActionConnect}},
			InputUnusable:    {Terminating, []Action{ActionAck, ActionRelease, ActionBye, ActionAwait}},
			InputReplaced:    {Established, []Action{ActionConnect}},
			InputFailed:      {Ended, over},
			InputHangup:      {Cancelling, withdraw},
			InputRingTimeout: {Cancelling, withdraw},
		},
		Cancelling: {
			InputAccepted: {Terminating, []Action{ActionAck, ActionBye, ActionAwait}},
			InputUnusable: {Terminating, []Action{ActionAck, ActionBye, ActionAwait}},
			InputFailed:   {Ended, []Action{ActionFinish}},
			InputReleased: {Ended, []Action{ActionFinish}},
		},
		Incoming: {
			InputAnswer:       {Established, []Action{ActionConnect}},
			InputHangup:       {Ended, refuse},
			InputRingTimeout:  {Ended, refuse},
			InputMediaFailed:  {Ended, refuse},
			InputRemoteCancel: {Ended, over},
		},
		Established: {
			InputHangup:      {Terminating, hangup},
			InputMediaFailed: {Terminating, hangup},
			InputRemoteEnded: {Ended, over},
		},
		Terminating: {
			InputRemoteEnded: {Ended, []Action{ActionFinish}},
			InputReleased:    {Ended, []Action{ActionFinish}},
		},
		Ended: {},
	}
}

func TestNext_EveryPair(t *testing.T) {
	want := wantTransitions()
	require.Len(t, want, stateCount)
	for s := range stateCount {
		for i := range inputCount {
			state, input := State(s), Input(i)
			t.Run(fmt.Sprintf("%s/%s", state, input), func(t *testing.T) {
				to, actions, ok := next(state, input)
				row, legal := want[state][input]
				require.Equal(t, legal, ok)
				if !legal {
					require.Equal(t, state, to, "an input without meaning changes nothing")
					require.Empty(t, actions)
					return
				}
				require.Equal(t, row.to, to)
				require.Equal(t, row.actions, actions)
			})
		}
	}
}

// TestNext_FinishesOnce holds what "Ended exactly once" rests on: the outcome
// is settled on every way into Ended, and on no other.
func TestNext_FinishesOnce(t *testing.T) {
	for s := range stateCount {
		for i := range inputCount {
			to, actions, ok := next(State(s), Input(i))
			finishes := 0
			for _, a := range actions {
				if a == ActionFinish {
					finishes++
				}
			}
			want := 0
			if ok && to == Ended && State(s) != Ended {
				want = 1
			}
			require.Equal(t, want, finishes, "%s %s", State(s), Input(i))
		}
	}
}

// TestNext_EndIsReachable: from every state there is a way to Ended, so no
// call can be caught for ever.
func TestNext_EndIsReachable(t *testing.T) {
	for s := range stateCount {
		seen := map[State]bool{}
		queue := []State{State(s)}
		for len(queue) > 0 {
			at := queue[0]
			queue = queue[1:]
			if seen[at] {
				continue
			}
			seen[at] = true
			for i := range inputCount {
				if to, _, ok := next(at, Input(i)); ok {
					queue = append(queue, to)
				}
			}
		}
		require.True(t, seen[Ended], "no way from %s to Ended", State(s))
	}
}

func TestNames(t *testing.T) {
	require.Equal(t, "State(99)", State(99).String())
	require.Equal(t, "Input(-1)", Input(-1).String())
	require.Equal(t, "Action(99)", Action(99).String())
	seen := map[string]bool{}
	for s := range stateCount {
		require.False(t, seen[State(s).String()])
		seen[State(s).String()] = true
	}
	for i := range inputCount {
		require.NotContains(t, Input(i).String(), "(")
	}
	for a := ActionInvite; a <= ActionFinish; a++ {
		require.NotContains(t, a.String(), "(")
	}
}

// mermaid draws both tables as docs/design/call-states.md.
func mermaid() string {
	var b strings.Builder
	b.WriteString("# The states of a call\n\n")
	b.WriteString("Drawn from the tables in `dialer/state.go` and `dialer/negotiation.go` by\n")
	b.WriteString("`go test ./dialer -run TestDiagram -update`. An edge reads: what happens / what is done.\n\n")
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> Idle\n")
	for s := range stateCount {
		for i := range inputCount {
			to, actions, ok := next(State(s), Input(i))
			if !ok {
				continue
			}
			names := make([]string, len(actions))
			for k, a := range actions {
				names[k] = a.String()
			}
			fmt.Fprintf(&b, "    %s --> %s: %s / %s\n", State(s), to, Input(i), strings.Join(names, ", "))
		}
	}
	b.WriteString("    Ended --> [*]\n```\n\n## Offer and answer\n\n")
	b.WriteString("Which offer is open (RFC 3264 §4). `glare` answers 491, `busy` answers 500, `wait` puts our own offer off.\n\n")
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> stable\n")
	id := func(n negotiation) string { return strings.ReplaceAll(n.String(), "-", "_") }
	for n := range negotiationCount {
		for e := range exchangeCount {
			if to, what, ok := negotiate(negotiation(n), exchange(e)); ok {
				fmt.Fprintf(&b, "    %s --> %s: %s / %s\n", id(negotiation(n)), id(to), exchange(e), what)
			}
		}
	}
	b.WriteString("```\n")
	return b.String()
}

func TestDiagram(t *testing.T) {
	path := filepath.Join("..", "docs", "design", "call-states.md")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(mermaid()), 0o644))
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err, "write it with: go test ./dialer -run TestDiagram -update")
	require.Equal(t, mermaid(), string(got), "the tables changed: go test ./dialer -run TestDiagram -update")
}
