package e2e

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/media/audio"
	phonepkg "github.com/softphone-go/softphone/phone"
)

// usage is what the system counted of a process.
type usage struct {
	cpu time.Duration // user and system
	rss int           // KiB
}

// usageOf reads the process's figures (proc(5)).
func usageOf(t *testing.T, pid int) usage {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	// The fields after the command, which stands in brackets: utime and stime
	// are the 12th and 13th, in ticks of 10 ms.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	ticks := 0
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		require.NoError(t, err)
		ticks += n
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(status), "VmRSS:")
	require.True(t, ok)
	rss, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(t, err)
	return usage{time.Duration(ticks) * 10 * time.Millisecond, rss}
}

// heapAndStacks is what this process holds of both, in octets, after a collection.
func heapAndStacks() int {
	runtime.GC()
	runtime.GC() // what the first one left to finalizers
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
	}
	metrics.Read(samples)
	sum := 0
	for _, m := range samples {
		sum += int(m.Value.Uint64())
	}
	return sum
}

// openCaller opens a phone in this process that calls without a registrar.
func openCaller(t *testing.T, calls int) *phonepkg.Phone {
	t.Helper()
	file := config.Default()
	file.SIP.Listen = []string{"udp:127.0.0.1:0"}
	file.SIP.MaxCalls = calls + 1
	p, err := phonepkg.Open(context.Background(), phonepkg.Config{File: file, StorePath: phonepkg.Memory})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		assert.NoError(t, p.Close(ctx))
	})
	require.NoError(t, p.AddUnregistered(config.Account{ID: "load", User: "load", Domain: "127.0.0.1", Mode: config.ModeAutomation}))
	return p
}

// holdCalls has `softphone answer --echo` answer so many calls and holds them
// with speech both ways; it logs what the answering process used.
func holdCalls(t *testing.T, calls int, hold time.Duration) {
	t.Helper()
	port := ports.one()
	first := ports.block(2*calls + 20)
	answer := softphone(t, "answer", "--json", "--listen", "udp:"+loopback(port).String(), "--echo",
		"--max-calls", strconv.Itoa(calls), "--rtp-ports", fmt.Sprintf("%d-%d", first, first+2*calls+19))
	answer.waitEvent(5*time.Second, "listening")
	idle := usageOf(t, answer.cmd.Process.Pid)

	p := openCaller(t, calls)
	wav, err := audio.NewWAV(audio.Narrowband, speech(t, "speech-a.wav"))
	require.NoError(t, err)
	held := make([]*dialer.Call, 0, calls)
	empty := heapAndStacks()
	start := time.Now()
	for range calls {
		c, err := p.Dial(t.Context(), fmt.Sprintf("sip:echo@%s", loopback(port)), phonepkg.DialOptions{
			Source: wav.Source(true), Sink: audio.Discard{},
		})
		require.NoError(t, err)
		held = append(held, c)
		<-time.After(20 * time.Millisecond) // 50 calls a second
	}
	for _, c := range held {
		eventually(t, 20*time.Second, func() bool { return c.State() != dialer.Outgoing && c.State() != dialer.Idle }, "a call is not answered")
		require.Equal(t, dialer.Established, c.State(), "%+v", c.Outcome())
	}
	setUp := time.Since(start)

	memory := float64(heapAndStacks()-empty) / float64(calls)
	before := usageOf(t, answer.cmd.Process.Pid)
	from := time.Now()
	<-time.After(hold)
	after := usageOf(t, answer.cmd.Process.Pid)
	core := float64(after.cpu-before.cpu) / float64(time.Since(from))

	var sent, received, lost, late uint64
	for _, c := range held {
		require.NoError(t, c.Hangup(t.Context()))
	}
	for _, c := range held {
		<-c.Done()
		m := c.Outcome().Media
		sent, received, lost, late = sent+m.PacketsSent, received+m.PacketsReceived, lost+m.PacketsLost, late+m.PacketsLate
		require.Equal(t, dialer.Completed, c.Outcome().Disposition)
	}
	answer.interrupt()
	require.Zero(t, answer.wait(20*time.Second))
	t.Logf("%d calls, set up in %s, held %s: %.2f %% of a core, %.3f %% a call; resident %.1f MiB (idle %.1f), %.0f KiB a call; "+
		"heap and stacks of the caller %.1f KiB a call; %d packets sent, %d came back, %d lost, %d late; ticks of the caller late by p99 %s, p99.9 %s",
		calls, setUp.Round(time.Millisecond), hold, 100*core, 100*core/float64(calls),
		float64(after.rss)/1024, float64(idle.rss)/1024, float64(after.rss-idle.rss)/float64(calls),
		memory/1024, sent, received, lost, late, p.Pacing().P99Late, p.Pacing().P999Late)
	require.Zero(t, lost, "packets are lost on loopback")
	require.InEpsilon(t, sent, received, 0.02)
}

func TestLoad_TenCallsHeld(t *testing.T) { holdCalls(t, 10, 3*time.Second) }

// One call, and a hundred, for a minute each.
func TestSoak_HeldCalls(t *testing.T) {
	holdCalls(t, 1, time.Minute)
	holdCalls(t, 100, time.Minute)
}
