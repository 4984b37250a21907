//go:build linux

package mediaload

import (
	"fmt"
	"io"
	"time"
)

// The ways to carry calls that are compared.
const (
	Ours    = "ours"
	Bare    = "bare loop"
	Readers = "readers"  // ours, with a goroutine for each socket
	GoTimer = "go timer" // ours, paced by the runtime's timers
	Before  = "both"     // ours, with readers and the runtime's timers
)

// Kinds are all of them.
func Kinds() []string { return []string{Ours, Bare, Readers, GoTimer, Before} }

// Result is what one run measured.
type Result struct {
	Kind  string
	Calls int
	For   time.Duration // the time measured

	CPU      time.Duration // user and system
	User     time.Duration
	Switches int64 // times that a thread waited

	Sent, Received uint64 // RTP, in the whole run
	Dropped        uint64 // inside: full buffers, refused writes, frames left out
	Lost           uint64 // as RTP's sequence numbers tell
	Skipped        uint64 // ticks left out

	// Bytes a call, over what the process took without calls, after a collection.
	Heap, Stack, Resident int64

	P99Tick, P999Tick, MaxTick time.Duration // how late ticks were, seen from inside

	Echo Echo
}

// Echo is what the far end saw.
type Echo struct {
	Received, Sent, Dropped uint64

	// How late packets left, against the earliest of their stream.
	P50, P99, P999, Max time.Duration
	WithinGoal          float64 // the share of packets at most 5 ms late
}

// PerCall is the share of a core that a call takes, in percent.
func (r Result) PerCall() float64 {
	return 100 * float64(r.CPU) / float64(r.For) / float64(max(1, r.Calls))
}

// Missing is how many packets did not come through inside this process: sent by
// us and not seen by the echo, or sent by the echo and not seen by us. What the
// echo itself dropped is not counted.
func (r Result) Missing() int64 {
	return int64(r.Sent) - int64(r.Echo.Received+r.Echo.Dropped) + int64(r.Echo.Sent) - int64(r.Received)
}

// Header writes the head of a table in Markdown.
func Header(w io.Writer) error {
	_, err := fmt.Fprint(w, "| calls | what | % of a core a call | user % | waits a second | packets sent | received | missing | dropped | send late p50 | p99 | p99.9 | max | within 5 ms | heap KiB a call | stack | RSS |\n"+
		"| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	return err
}

// Row writes the result as a row of it.
func (r Result) Row(w io.Writer) error {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }
	kib := func(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1024) }
	_, err := fmt.Fprintf(w, "| %d | %s | %.4f | %.4f | %.0f | %d | %d | %d | %d | %s | %s | %s | %s | %.3f %% | %s | %s | %s |\n",
		r.Calls, r.Kind, r.PerCall(), r.PerCall()*float64(r.User)/float64(max(1, r.CPU)), float64(r.Switches)/r.For.Seconds(),
		r.Sent, r.Received, r.Missing(), r.Dropped,
		ms(r.Echo.P50), ms(r.Echo.P99), ms(r.Echo.P999), ms(r.Echo.Max), 100*r.Echo.WithinGoal,
		kib(r.Heap), kib(r.Stack), kib(r.Resident))
	return err
}
