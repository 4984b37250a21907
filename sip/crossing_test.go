package sip

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/stretchr/testify/assert"
)

// side counts what one end of a call was told.
type side struct {
	mu     sync.Mutex
	ended  int
	answer int
	cut    bool // the network goes down for good
	took   time.Duration
	wg     sync.WaitGroup
}

// play does random things to a dialog until it has ended.
func (s *side) play(r *rand.Rand, d *Dialog, wait func(time.Duration)) {
	s.mu.Lock()
	s.answer++
	s.mu.Unlock()
	over := make(chan struct{})
	d.Handle(func(ev DialogEvent) {
		switch ev := ev.(type) {
		case RemoteOffer:
			s.wg.Go(func() {
				wait(time.Duration(len(ev.Body)) * 10 * time.Millisecond)
				if len(ev.Body)%3 == 0 {
					_ = ev.Reject(488, "")
				} else {
					_ = ev.Answer([]byte("answer"))
				}
			})
		case Ended:
			s.mu.Lock()
			s.ended++
			s.mu.Unlock()
			close(over)
		}
	})
	for range r.IntN(4) {
		wait(time.Duration(r.IntN(300)) * time.Millisecond)
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+r.IntN(5000))*time.Millisecond)
		switch r.IntN(6) {
		case 0:
			_ = d.Info(ctx, "text/plain", []byte("x"))
		case 1:
			_, _ = d.Update(ctx, nil)
		case 2:
			_, _ = d.Update(ctx, offerText(strings.Repeat("o", 1+r.IntN(30))))
		default:
			_, _ = d.ReInvite(ctx, offerText(strings.Repeat("o", 1+r.IntN(30))))
		}
		cancel()
	}
	wait(time.Duration(r.IntN(500)) * time.Millisecond)
	if r.IntN(2) == 0 {
		_ = d.Bye(context.Background(), "")
	}
	limit := time.Minute
	if s.cut { // nobody says BYE: the session timer must end it, or the timers of a request
		limit = time.Hour
	}
	begun := time.Now()
	select {
	case <-over:
	case <-time.After(limit):
		_ = d.Bye(context.Background(), "")
		<-over
	}
	s.mu.Lock()
	s.took = time.Since(begun)
	s.mu.Unlock()
}

// Whatever crosses whatever, both ends agree in the end: nothing is left, and
// every answered leg ends exactly once.
func TestCall_CrossingsLeaveNothingBehind(t *testing.T) {
	for seed := range uint64(1500) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			link := memnet.Link{Delay: time.Duration(r.IntN(200)) * time.Millisecond, Loss: []float64{0, 0.1, 0.3}[r.IntN(3)],
				Duplicate: 0.1, Reorder: 0.2}
			n := memnet.New(seed, link)
			policy := Reliable(r.IntN(3))
			a, b, target := newPairOf(t, n, UDP, func(c *Config) {
				c.Reliable = policy
				c.SessionTimers.Expires = 90 * time.Second
			})
			wait := func(d time.Duration) { <-time.After(d) }
			cut := r.IntN(6) == 0
			caller, callee := &side{cut: cut}, &side{cut: cut}
			if cut {
				caller.wg.Go(func() {
					wait(time.Duration(r.IntN(4000)) * time.Millisecond)
					n.Cut(netip.MustParseAddr(ourAddr), true)
				})
			}
			ctx, stop := context.WithCancel(context.Background())
			cr, br := rand.New(rand.NewPCG(seed, 2)), rand.New(rand.NewPCG(seed, 3))
			action, ringing := br.IntN(5), time.Duration(br.IntN(600))*time.Millisecond
			go func() {
				_ = b.Serve(ctx, func(i *Invitation) {
					_ = i.Ring(180, nil)
					if action == 1 {
						_ = i.Ring(183, []byte("early"))
					}
					wait(ringing)
					if action == 0 {
						_ = i.Reject(486, "")
						return
					}
					if d, err := i.Accept([]byte("answer")); err == nil {
						callee.play(br, d, wait)
					}
				})
			}()
			synctest.Wait()
			c := a.Invite(context.Background(), InviteRequest{Account: Account{User: "a", Domain: "x"}, Target: target, Offer: offerText("o")})
			if cr.IntN(2) == 0 {
				caller.wg.Go(func() { wait(time.Duration(cr.IntN(1200)) * time.Millisecond); c.Cancel("") })
			}
			if cut { // nobody rings for ever: RFC 3261 leaves it to the caller
				caller.wg.Go(func() { wait(3 * time.Minute); c.Cancel("") })
			}
			finals := 0
			for resp := range c.Responses() {
				f, ok := resp.(Final)
				if !ok {
					continue
				}
				finals++
				if f.Err == nil {
					_ = f.Dialog.Ack(nil)
					caller.play(rand.New(rand.NewPCG(seed, 4)), f.Dialog, wait)
				}
			}
			caller.wg.Wait()
			wait(5 * time.Minute)
			callee.wg.Wait()
			name := fmt.Sprintf("seed %d", seed)
			assert.Equal(t, 1, finals, name)
			for _, s := range []*side{caller, callee} {
				s.mu.Lock()
				assert.Equal(t, s.answer, s.ended, name)
				assert.LessOrEqual(t, s.took, 2*time.Minute, name)
				s.mu.Unlock()
			}
			for _, ua := range []*UserAgent{a, b} {
				ua.mu.Lock()
				assert.Zero(t, ua.callsLocked(), name)
				ua.mu.Unlock()
			}
			stop()
			assert.NoError(t, a.Close())
			assert.NoError(t, b.Close())
		})
		if t.Failed() {
			return
		}
	}
}
