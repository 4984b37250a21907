package sip

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	maxRedirects = 5  // 3xx responses followed for one call
	maxForks     = 32 // early dialogs of one call
	maxStream    = 512
)

// ClientInvite is an outgoing call until its final response. All methods may
// be called from any goroutine.
//
//	Invite -> Sent -> Provisional* -> Final     then the channel is closed
//
// The owner drains Responses until it is closed.
type ClientInvite struct {
	ua       *UserAgent
	in       InviteRequest
	callID   string
	localTag string
	auth     *authenticator
	out      chan Response
	done     chan struct{} // closed once the final response is known
	stop     chan struct{} // closed by Cancel
	stopOnce sync.Once
	ctx      context.Context // ends with Cancel: aborts look-ups and dialling
	abort    context.CancelFunc

	mu      sync.Mutex
	queue   []Response
	wake    chan struct{}
	reason  string // of Cancel
	sent    bool
	seq     uint32
	timer   expiry        // the session timer to ask for
	least   time.Duration // Min-SE, once a 422 has told it
	attempt *inviteAttempt
	forks   map[string]*Dialog
	winner  *Dialog
}

// inviteAttempt is one INVITE request on the wire.
type inviteAttempt struct {
	target  sipmsg.Uri
	rt      *route
	req     *sipmsg.Request
	contact sipmsg.Uri
	trusted bool
	least   time.Duration // Min-SE
}

// Invite starts a call and returns at once. What happens is streamed by
// Responses; every failure, also of the request itself, arrives as Final. ctx
// ending has the effect of Cancel.
func (ua *UserAgent) Invite(ctx context.Context, in InviteRequest) *ClientInvite {
	c := &ClientInvite{
		ua: ua, in: in, callID: newCallID(), localTag: newTag(), auth: newAuthenticator(in.Account),
		out: make(chan Response, 1), done: make(chan struct{}), stop: make(chan struct{}),
		wake: make(chan struct{}, 1), seq: rand.Uint32N(1 << 14), forks: make(map[string]*Dialog),
	}
	if !ua.cfg.SessionTimers.Off {
		c.timer.interval, c.least = ua.cfg.SessionTimers.Expires, ua.cfg.SessionTimers.Min
	}
	c.ctx, c.abort = context.WithCancel(context.WithoutCancel(ctx))
	ua.mu.Lock()
	refused := error(nil)
	switch {
	case ua.stopping:
		refused = ErrClosed
	case ua.callsLocked() >= ua.cfg.MaxDialogs:
		refused = fmt.Errorf("%d calls are in progress, as many as MaxDialogs allows: %w", ua.cfg.MaxDialogs,
			&StatusError{Code: 486, Reason: phrase(486)})
	default:
		ua.invites[c.key()] = c
		ua.wg.Go(func() { c.run(ctx) })
		ua.wg.Go(c.pump)
	}
	ua.mu.Unlock()
	if refused != nil {
		c.abort()
		c.out = make(chan Response, 1)
		c.out <- Final{Err: refused}
		close(c.out)
		close(c.done)
	}
	return c
}

func (c *ClientInvite) key() string { return c.callID + "\x00" + c.localTag }

// Responses returns the stream; it is closed after Final.
func (c *ClientInvite) Responses() <-chan Response { return c.out }

// Cancel ends the attempt (RFC 3261 §9.1): CANCEL goes out once a provisional
// response has come. A 2xx that crosses it is acknowledged and ended with BYE
// here. Final then carries context.Canceled. reason, when not empty, becomes
// the Reason header. Later calls, and calls after Final, do nothing.
func (c *ClientInvite) Cancel(reason string) {
	c.stopOnce.Do(func() {
		c.mu.Lock()
		c.reason = reason
		c.mu.Unlock()
		close(c.stop)
		c.abort()
	})
}

func (c *ClientInvite) stopped() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

func (c *ClientInvite) run(ctx context.Context) {
	release := context.AfterFunc(ctx, func() { c.Cancel("") })
	defer release()
	final := c.pursue()
	if c.stopped() { // from here on Cancel comes too late
		if final.Err == nil {
			c.hangUp(final.Dialog)
		}
		final.Dialog, final.Body, final.Err = nil, nil, context.Canceled
		if final.Code == 0 || final.Code >= 200 && final.Code < 300 {
			final.Code, final.Reason = 487, phrase(487)
		}
	}
	c.settle(final)
	c.push(final)
	close(c.done)
	c.abort()
}

// settle takes the call out of the books: losing forks are forgotten, so that a
// 2xx of one of them still makes a dialog, to be acknowledged and ended.
func (c *ClientInvite) settle(final Final) {
	c.ua.mu.Lock()
	delete(c.ua.invites, c.key())
	c.ua.mu.Unlock()
	c.mu.Lock()
	var losers []*Dialog
	for tag, d := range c.forks {
		d.mu.Lock()
		isEarly := d.state == early
		d.mu.Unlock()
		if d != c.winner && isEarly {
			losers = append(losers, d)
			delete(c.forks, tag)
		}
	}
	c.mu.Unlock()
	for _, d := range losers {
		d.end(Ended{})
	}
}

// hangUp ends a call that was answered while it was being cancelled.
func (c *ClientInvite) hangUp(d *Dialog) {
	if err := d.Ack(nil); err != nil {
		c.logger().Debug("sip: ACK of a cancelled call failed", "err", err)
	}
	c.ua.start(func() { _ = d.Bye(context.Background(), "") })
}

// push queues a response for the owner.
func (c *ClientInvite) push(r Response) {
	c.mu.Lock()
	if _, p := r.(Provisional); !p || len(c.queue) < maxStream {
		c.queue = append(c.queue, r)
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// pump moves responses to the channel, so that a slow owner never holds up
// the transaction.
func (c *ClientInvite) pump() {
	defer close(c.out)
	for {
		c.mu.Lock()
		var next Response
		if len(c.queue) > 0 {
			next, c.queue = c.queue[0], c.queue[1:]
		}
		c.mu.Unlock()
		if next == nil {
			select {
			case <-c.wake:
				continue
			case <-c.done:
			}
			c.mu.Lock()
			empty := len(c.queue) == 0
			c.mu.Unlock()
			if empty {
				return
			}
			continue
		}
		select {
		case c.out <- next:
		case <-c.ua.closing:
			c.deliverLast(next)
			return
		}
	}
}

// deliverLast leaves Final, and nothing else, in the channel of an owner that
// does not listen while the user agent closes.
func (c *ClientInvite) deliverLast(next Response) {
	<-c.done
	c.mu.Lock()
	final := append([]Response{next}, c.queue...)[len(c.queue)]
	c.mu.Unlock()
	select {
	case <-c.out:
	default:
	}
	c.out <- final // only we send, and there is room for one
}

// pursue tries the target and what it redirects to, until one answers.
func (c *ClientInvite) pursue() Final {
	if err := c.in.check(); err != nil {
		return Final{Err: err}
	}
	first, err := toUri(c.in.dialled())
	if err != nil {
		return Final{Err: err}
	}
	targets := []sipmsg.Uri{first}
	seen := map[string]bool{first.String(): true}
	redirects := 0
	var last Final
	for len(targets) > 0 {
		target := targets[0]
		targets = targets[1:]
		res, failed := c.try(target)
		if failed != nil {
			last = Final{Err: failed}
		} else if last = c.final(res); last.Err == nil || res.StatusCode >= 600 {
			return last
		}
		if c.stopped() {
			return last
		}
		if res != nil && res.IsRedirection() {
			if redirects++; redirects <= maxRedirects {
				targets = append(c.in.follows(redirectTargets(res, isSIPS(&target), seen)), targets...)
			}
		}
	}
	return last
}

func (c *ClientInvite) final(res *sipmsg.Response) Final {
	f := Final{Code: res.StatusCode, Reason: cleanPhrase(res.Reason)}
	if !res.IsSuccess() {
		f.Err = statusError(res)
		return f
	}
	f.Dialog, f.Body = c.answeredBy(res), res.Body()
	return f
}

// try sends INVITE to a target, over each of its hops in turn while they
// cannot be reached or answer 503 (RFC 3263 §4.3).
func (c *ClientInvite) try(target sipmsg.Uri) (*sipmsg.Response, error) {
	way, err := c.ua.accountWay(c.ctx, c.in.Account, &target)
	if err != nil {
		return nil, err
	}
	var res *sipmsg.Response
	for _, h := range c.ua.swiftest(c.ctx, way.hops) {
		var rt *route
		if rt, err = c.ua.open(c.ctx, h); err == nil {
			rt.routes = way.routes
			res, err = c.tryHop(target, rt, way.trusted)
		}
		if !c.stopped() {
			c.ua.hops.outcome(h, !errors.Is(err, ErrUnreachable) && (res == nil || res.StatusCode != 503))
		}
		if c.stopped() || err == nil && res.StatusCode != 503 || err != nil && !errors.Is(err, ErrUnreachable) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return res, nil
}

// tryHop sends INVITE, answers challenges and obeys 422 (RFC 4028 §7.3).
func (c *ClientInvite) tryHop(target sipmsg.Uri, rt *route, trusted bool) (*sipmsg.Response, error) {
	auth := c.auth
	if !trusted {
		auth = nil
	}
	try := auth.begin()
	for raised := 0; ; {
		req, rt2, err := c.build(target, rt, try)
		if err != nil {
			return nil, err
		}
		rt = rt2
		if c.stopped() {
			return nil, context.Canceled
		}
		tx := &inviteTx{ua: c.ua, log: c.logger(), req: req, rt: rt, cancel: c.stop,
			sent: c.left, provisional: c.onProvisional, again: c.onFurther2xx,
			reason: func() string { c.mu.Lock(); defer c.mu.Unlock(); return c.reason }}
		c.mu.Lock()
		c.attempt = &inviteAttempt{target: target, rt: rt, req: req, contact: req.Contact().Address, trusted: trusted, least: c.least}
		c.mu.Unlock()
		res, err := tx.run(c.ctx)
		if err != nil {
			return nil, err
		}
		if !c.stopped() && try.answer(res) {
			continue
		}
		if res.StatusCode == 422 && !c.stopped() && raised < maxTimerRaises && c.raiseTimer(res) {
			raised++
			continue
		}
		return res, nil
	}
}

// raiseTimer obeys a 422.
func (c *ClientInvite) raiseTimer(res *sipmsg.Response) bool {
	e, least, ok := raiseTimer(res, c.timer)
	if ok {
		c.timer, c.least = e, max(least, c.least)
	}
	return ok
}

// left reports the first INVITE that has gone out.
func (c *ClientInvite) left() {
	c.mu.Lock()
	first, local := !c.sent, c.attempt.rt.local
	c.sent = true
	c.mu.Unlock()
	if first {
		c.push(Sent{Local: local, CallID: c.callID})
	}
}
