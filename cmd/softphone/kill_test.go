package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/control/client"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/store"
)

// asProgram makes the test program the softphone, a process that can be killed.
const asProgram = "-as-softphone"

func program() {
	if len(os.Args) > 1 && os.Args[1] == asProgram {
		os.Exit(run(context.Background(), &environment{
			args: os.Args[2:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
		}))
	}
}

// A phone is killed in the middle of 1,000 BlockNumber directives, while calls
// come in and are blocked. Every rule whose directive was accepted is there
// afterwards, and the history has every call that was told to have ended.
func TestKill_AcceptedRulesAndCallsAreKept(t *testing.T) {
	ex := newExchange(t)
	line := account(t, ex, "alice", "run", "--listen", "127.0.0.1:0")
	dir := line[slices.Index(line, "--data-dir")+1]
	require.Zero(t, runs(t, "block", "add", "070", "--prefix", "--data-dir", dir).code)
	exe, err := os.Executable()
	require.NoError(t, err)
	victim := exec.Command(exe, append([]string{asProgram}, line...)...)
	victim.Env = append(os.Environ(), "SOFTPHONE_PASSWORD="+passwords["alice"])
	require.NoError(t, victim.Start())
	t.Cleanup(func() { _ = victim.Process.Kill(); _ = victim.Wait() })
	var c *client.Client
	require.Eventually(t, func() bool {
		c, err = client.Discover(t.Context(), dir)
		return err == nil && c.Ready(t.Context()) == nil
	}, soon, 1e7)
	defer c.Close()

	const directives, workers = 1000, 4
	after := directives/4 + rand.IntN(directives/2)
	killed := make(chan struct{})
	var mu sync.Mutex
	var accepted []string
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w; i < directives; i += workers {
				n := fmt.Sprintf("0101%07d", i)
				_, err := c.SendDirectives(context.Background(), fmt.Appendf(nil, `{"header":{"namespace":"PhoneCall","name":"BlockNumber",`+
					`"messageId":"m%d","dialogRequestId":"d%d","version":"1.3"},"payload":{"playServiceId":"kill","number":%q,"blockType":"EXACT"}}`, i, i, n))
				if err != nil {
					return // it is dead
				}
				mu.Lock()
				if accepted = append(accepted, n); len(accepted) == after {
					_ = victim.Process.Kill()
					close(killed)
				}
				mu.Unlock()
			}
		})
	}
	events, err := c.Events(t.Context(), 0)
	require.NoError(t, err)
	defer events.Close()
	var ended []string
	all.Go(func() {
		for {
			ev, err := events.Next(context.Background())
			if err != nil {
				return
			}
			if strings.TrimPrefix(ev.Type, api.TypePrefix) == "call.ended" {
				ended = append(ended, strings.TrimPrefix(ev.Subject, "calls/"))
			}
		}
	})
	all.Go(func() {
		for {
			select {
			case <-killed:
				return
			default:
				as(t, ex, mallory, "call", "alice", "--timeout", "1s").wait()
			}
		}
	})
	all.Wait()
	_ = victim.Wait() // killed

	s, err := store.Open(t.Context(), filepath.Join(dir, phone.StoreName), store.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	_, recovered := s.Recovered()
	require.False(t, recovered, "the file is whole")
	rules := map[string]bool{}
	_, err = s.Rules().RuleChanges(t.Context(), -1, func(r store.StoredRule) { rules[r.Pattern] = true })
	require.NoError(t, err)
	for _, n := range accepted {
		require.True(t, rules[n], "the rule for %s was accepted", n)
	}
	rows, err := s.History(t.Context(), store.HistoryFilter{Limit: directives})
	require.NoError(t, err)
	for _, id := range ended {
		assert.True(t, slices.ContainsFunc(rows, func(r store.HistoryRow) bool { return r.CallID == id && r.Type == store.HistoryBlocked }), "call %s was told to have ended", id)
	}
	require.NotEmpty(t, ended)
	t.Logf("killed after %d of %d BlockNumber directives and %d blocked calls: %d rules and %d rows of history are there",
		len(accepted), directives, len(ended), len(rules)-1, len(rows))
}
