package dialer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/sip"
)

// The model of transfers: three phones call and hand on one another, blind and
// attended, while they hold, cancel, refuse and hang up, over networks that lose.
// Whatever crosses, each call ends once on each side, nothing is left, and who
// asked for a transfer is told what became of it.

// act is one thing that one of the three does with one of its calls.
type act struct {
	At   time.Duration
	Who  int
	Call int // which of those it has then
	Do   string
	To   int // whom it calls, or hands the other side to
}

func drawActs(t *rapid.T) (play, []act) {
	p := play{
		Link:  memnet.Link{Delay: time.Duration(rapid.IntRange(0, 60).Draw(t, "delay")) * time.Millisecond},
		Loss:  rapid.SampledFrom([]float64{0, 0, 0, 0.1, 0.3}).Draw(t, "loss"),
		Seed:  rapid.Uint64().Draw(t, "seed"),
		Close: 12*time.Second - time.Duration(rapid.IntRange(0, 11).Draw(t, "close"))*time.Second,
	}
	if rapid.IntRange(0, 5).Draw(t, "cuts") == 0 {
		p.Cut = time.Duration(rapid.IntRange(10, 6000).Draw(t, "cut")) * time.Millisecond
	}
	acts := []act{{Do: "dial", To: 1}, {At: 100 * time.Millisecond, Do: "dial", To: 2}}
	for _, who := range []int{1, 2, 1, 2} {
		at := time.Duration(rapid.IntRange(150, 1500).Draw(t, "answers")) * time.Millisecond
		acts = append(acts, act{At: at, Who: who, Do: "answer"})
	}
	all := []string{"transfer", "transfer", "transfer", "attend", "attend", "answer", "answer", "answer", "answer",
		"hangup", "reject", "hold", "unhold", "dial", "drain"}
	for range rapid.IntRange(1, 14).Draw(t, "acts") {
		acts = append(acts, act{
			At:   time.Duration(rapid.IntRange(6, 80).Draw(t, "when"))*50*time.Millisecond + time.Duration(rapid.IntRange(0, 3).Draw(t, "odd"))*time.Millisecond,
			Who:  rapid.IntRange(0, 2).Draw(t, "who"),
			Call: rapid.IntRange(0, 3).Draw(t, "call"),
			Do:   rapid.SampledFrom(all).Draw(t, "do"),
			To:   rapid.IntRange(0, 2).Draw(t, "to"),
		})
	}
	return p, acts
}

func TestModel_Transfers_RFC5589(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, acts := drawActs(rt)
		var faults []string
		synctest.Test(t, func(t *testing.T) { faults = (&exchange3{play: p}).perform(t, acts) })
		for _, f := range faults {
			rt.Errorf("%s", f)
		}
	})
}

// exchange3 is one run with three phones.
type exchange3 struct {
	play   play
	phones [3]*phone

	mu      sync.Mutex
	names   int
	reports []transferReport
}

// transferReport is what came of a transfer, as who asked for it was told.
type transferReport struct {
	by     *phone
	target string // a name that nobody else is called by
	blind  bool   // and no other transfer goes to, unless it is attended
	err    error
}

// target is a phone under a name that is used once.
func (x *exchange3) target(to int) sip.URI {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.names++
	u := x.phones[to].uri()
	u.User = fmt.Sprintf("x%d", x.names)
	return u
}

func (x *exchange3) report(r transferReport) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.reports = append(x.reports, r)
}

// perform runs a play and returns what was wrong.
func (x *exchange3) perform(t *testing.T, acts []act) []string {
	allow := func(_ string, c *Config) {
		c.Transfer = func(TransferRequest) bool { return true }
		c.RingTimeout = 8 * time.Second
	}
	w := newWorld(t, x.play.Link, allow)
	carol := newPhone(t, w.net, "carol", addrC, func(c *Config) { allow("c", c) })
	x.phones = [3]*phone{w.a, w.b, carol}
	w.net.Filter((&weather{play: x.play, begun: time.Now(), dice: rand.New(rand.NewPCG(x.play.Seed, 1))}).drops)
	var stage sync.WaitGroup
	for _, a := range acts {
		stage.Go(func() {
			pass(a.At)
			x.do(a)
		})
	}
	stage.Go(func() {
		pass(x.play.Close)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		for _, ph := range x.phones {
			_ = ph.d.Close(ctx)
		}
	})
	stage.Wait()
	carol.close()
	w.close()
	var faults []string
	for _, ph := range x.phones {
		faults = append(faults, judge(ph)...)
	}
	return append(faults, x.truth()...)
}

func (x *exchange3) do(a act) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	ph := x.phones[a.Who]
	if a.Do == "dial" {
		if a.To != a.Who {
			_, _ = ph.d.Dial(ctx, DialRequest{Account: ph.account(), Target: x.target(a.To), Source: tone(toneA)})
		}
		return
	}
	calls := ph.d.Calls()
	if len(calls) == 0 {
		return
	}
	c := calls[a.Call%len(calls)]
	switch a.Do {
	case "transfer":
		to := x.target(a.To)
		x.report(transferReport{ph, to.User, true, c.Transfer(ctx, to)})
	case "attend":
		other := calls[(a.Call+1)%len(calls)]
		x.report(transferReport{ph, other.Remote().URI.User, false, c.TransferTo(ctx, other)})
	case "answer":
		for _, c := range calls {
			if c.State() == Incoming {
				deed{Do: a.Do}.do(c)
				return
			}
		}
	default:
		deed{Do: a.Do}.do(c)
	}
}

// truth compares what was told of the transfers with what happened: a success was
// one, and what was refused did not come about.
func (x *exchange3) truth() []string {
	var faults []string
	arrived, told := map[string]int{}, map[string]int{}
	for _, ph := range x.phones {
		for _, ev := range ph.log.all() {
			if ev.Type == EventReplaced {
				arrived[ev.Remote.URI.User]++
			}
			if ev.Type == EventTransferred {
				told[ev.Target.User]++
			}
		}
	}
	for user, n := range told {
		if arrived[user] < n {
			faults = append(faults, fmt.Sprintf("%d transfers to %s were told, %d came about", n, user, arrived[user]))
		}
	}
	attended := map[string]bool{}
	for _, r := range x.reports {
		attended[r.target] = attended[r.target] || !r.blind
	}
	for _, r := range x.reports {
		var status *sip.StatusError
		switch {
		case r.err == nil && arrived[r.target] == 0:
			faults = append(faults, fmt.Sprintf("%s was told that the transfer to %s came about", r.by.name, r.target))
		case x.play.lossless() && errors.As(r.err, &status) && status.Code != 408 && arrived[r.target] > 0 && !attended[r.target]:
			faults = append(faults, fmt.Sprintf("%s was told that the transfer to %s failed: %v", r.by.name, r.target, r.err))
		}
	}
	return faults
}
