package dialer

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/softphone-go/softphone/internal/memnet"
)

// The model test draws a play (who calls whom and when, who does what when, on
// what network), runs it on two whole stacks, and checks what must hold however
// it went: every call ended exactly once on each side, events in a legal order,
// nothing left behind.

// deed is one thing a user does with the call at hand.
type deed struct {
	At   time.Duration
	Side int // 0: caller, 1: callee
	Do   string
}

// plot is one call of a play.
type plot struct {
	At    time.Duration
	From  int // 0: alice calls bob, 1: bob calls alice
	Deeds []deed
}

type play struct {
	Link  memnet.Link
	Loss  float64 // share of packets that vanish
	Seed  uint64  // of the dice that say which
	Plots []plot
	Max   int           // MaxCalls of both
	Cut   time.Duration // bob's host is cut off then for 3 s; 0: never
	Close time.Duration // both dialers close then
}

// lossless: every message arrives, so the two sides must agree.
func (p play) lossless() bool { return p.Loss == 0 && p.Cut == 0 }

func drawPlay(t *rapid.T) play {
	ms := func(label string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, label)) * time.Millisecond
	}
	p := play{
		Link: memnet.Link{
			Delay:  ms("delay", 0, 60),
			Jitter: ms("jitter", 0, 20),
		},
		Loss: rapid.SampledFrom([]float64{0, 0, 0, 0.1, 0.3}).Draw(t, "loss"),
		Seed: rapid.Uint64().Draw(t, "seed"),
		Max:  rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "max"),
		// rapid prefers small numbers; most plays should run to their end.
		Close: 12*time.Second - ms("close", 0, 11900),
	}
	if rapid.IntRange(0, 5).Draw(t, "cuts") == 0 {
		p.Cut = ms("cut", 10, 6000)
	}
	deeds := []string{
		"answer", "hangup", "reject", "hold", "hold", "hold", "unhold", "unhold", "mute", "unmute", "digits", "drain",
	}
	for range rapid.IntRange(1, 3).Draw(t, "calls") {
		c := plot{At: ms("at", 0, 1500), From: rapid.IntRange(0, 1).Draw(t, "from")}
		if rapid.IntRange(0, 4).Draw(t, "answers") > 0 {
			c.Deeds = append(c.Deeds, deed{At: ms("soon", 50, 400), Side: 1, Do: "answer"})
		}
		for range rapid.SampledFrom([]int{0, 1, 2, 4, 6, 8, 10}).Draw(t, "deeds") {
			// Many fall on the same moments, so that they cross on the way.
			at := time.Duration(rapid.IntRange(0, 60).Draw(t, "when")) * 50 * time.Millisecond
			c.Deeds = append(c.Deeds, deed{
				At:   at + ms("odd", 0, 3),
				Side: rapid.IntRange(0, 1).Draw(t, "side"),
				Do:   rapid.SampledFrom(deeds).Draw(t, "do"),
			})
		}
		p.Plots = append(p.Plots, c)
	}
	return p
}

func TestModel_AnyInterleaving(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPlay(rt)
		var faults []string
		synctest.Test(t, func(t *testing.T) { faults = perform(t, p) })
		for _, f := range faults {
			rt.Errorf("%s", f)
		}
	})
}

// perform runs a play and returns what was wrong.
func perform(t *testing.T, p play) []string {
	w := newWorld(t, p.Link, func(_ string, c *Config) {
		c.MaxCalls = p.Max
		c.RingTimeout = 8 * time.Second
	})
	phones := [2]*phone{w.a, w.b}
	var stage sync.WaitGroup
	var links arrivals
	for _, c := range p.Plots {
		stage.Go(func() { c.run(phones, &links) })
	}
	w.net.Filter((&weather{play: p, begun: time.Now(), dice: rand.New(rand.NewPCG(p.Seed, 1))}).drops)
	stage.Go(func() {
		pass(p.Close)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		for _, ph := range phones {
			_ = ph.d.Close(ctx)
		}
	})
	stage.Wait()
	w.close()
	var faults []string
	for _, ph := range phones {
		faults = append(faults, judge(ph)...)
	}
	return append(faults, agree(p, phones, &links)...)
}

// weather is what the network does to packets: loss, and for 3 s nothing gets
// through at all. Refusals and their ACKs are spared: sipgo keeps a mutex for
// 4 s when a refusal comes twice, and where somebody waits for a mutex a
// bubble's clock stands still.
type weather struct {
	play  play
	begun time.Time

	mu      sync.Mutex
	dice    *rand.Rand
	invites map[string]bool // branches of INVITEs
}

func (w *weather) drops(_, _ netip.AddrPort, p []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.spared(string(p[:min(len(p), 1200)])) {
		return false
	}
	since := time.Since(w.begun)
	if w.play.Cut > 0 && since > w.play.Cut && since < w.play.Cut+3*time.Second {
		return true
	}
	return w.dice.Float64() < w.play.Loss
}

func (w *weather) spared(message string) bool {
	_, branch, _ := strings.Cut(message, "branch=")
	branch, _, _ = strings.Cut(branch, "\r")
	branch, _, _ = strings.Cut(branch, ";")
	switch {
	case strings.HasPrefix(message, "INVITE "):
		if w.invites == nil {
			w.invites = map[string]bool{}
		}
		w.invites[branch] = true
	case strings.HasPrefix(message, "ACK "):
		return w.invites[branch] // a refusal's; that of a 2xx has its own branch
	case strings.HasPrefix(message, "SIP/2.0 ") && strings.Contains(message, " INVITE\r\n"):
		return message[8] >= '3'
	}
	return false
}

// arrivals are the calls that were made.
type arrivals struct {
	mu    sync.Mutex
	calls []*Call
}

func (a *arrivals) add(c *Call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, c)
}

// run plays one call. The callee's deeds are done to the newest call that came
// in there.
func (c plot) run(phones [2]*phone, links *arrivals) {
	pass(c.At)
	caller, callee := phones[c.From], phones[1-c.From]
	out, err := caller.d.Dial(context.Background(), DialRequest{
		Account: caller.account(), Target: callee.uri(), Source: tone(toneA),
	})
	if err != nil {
		return // busy or closed
	}
	links.add(out)
	var stage sync.WaitGroup
	for _, d := range c.Deeds {
		stage.Go(func() {
			pass(d.At)
			target := out
			if d.Side == 1 {
				if target = newest(callee, Inbound); target == nil {
					return
				}
			}
			d.do(target)
		})
	}
	stage.Wait()
	<-out.Done()
}

func newest(p *phone, dir Direction) *Call {
	calls := p.d.Calls()
	for i := len(calls) - 1; i >= 0; i-- {
		if calls[i].Direction() == dir {
			return calls[i]
		}
	}
	return nil
}

func (d deed) do(c *Call) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	switch d.Do {
	case "answer":
		_ = c.Answer(ctx, AnswerOptions{Source: tone(toneB)})
	case "hangup":
		_ = c.Hangup(ctx)
	case "reject":
		_ = c.Reject(ctx, 486)
	case "hold":
		_ = c.Hold(ctx)
	case "unhold":
		_ = c.Unhold(ctx)
	case "mute":
		_ = c.Mute(true)
	case "unmute":
		_ = c.Mute(false)
	case "digits":
		_ = c.SendDigits(ctx, "1")
	case "drain":
		_ = c.HangupAfterDrain(ctx)
	}
}
