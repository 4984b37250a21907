package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

const (
	messageEvent  = "message-summary"
	subscribeTime = time.Hour // asked for
	// refusedTime is how long a subscription that was refused for good waits
	// before it is tried again: a PBX may get the service later.
	refusedTime = time.Hour
)

// SubscriptionState is how a subscription stands.
type SubscriptionState struct {
	Active  bool
	Expires time.Duration // as granted
	Err     error         // why it is not active; *StatusError for a response
}

// Subscription keeps an account subscribed to what its PBX knows of waiting
// messages (RFC 6665, RFC 3842). One goroutine does everything; all methods may
// be called from any goroutine.
//
//	SUBSCRIBE --2xx--> active --time--> (refresh) ...
//	          --4xx, silence--> back-off --> SUBSCRIBE
//	NOTIFY "terminated" --> SUBSCRIBE, at once or after Retry-After
//	connection lost, another address of ours --> SUBSCRIBE at once
//	Close: SUBSCRIBE with Expires 0
type Subscription struct {
	ua       *UserAgent
	account  Account
	auth     *authenticator
	closing  chan struct{}
	once     sync.Once
	finished chan struct{}
	wake     chan struct{}

	mu       sync.Mutex
	state    SubscriptionState
	notifier string // tag of the one whose NOTIFYs count
	over     bool   // a NOTIFY has terminated it, or NOTIFYs cannot come any more
	retry    time.Duration
	flow     hop        // where it was made; zero until then
	local    netip.Addr // our address on the way there

	// The loop's own:
	dialog   *Dialog
	bound    bool // the dialog has its peer
	minimum  time.Duration
	failures int
	since    time.Time // it was granted
	drops    int       // in a row that ended soon after
}

// SubscribeMessages subscribes to the account's waiting messages until Close.
// Config.Messages is told of every summary that comes. It does not wait.
func (ua *UserAgent) SubscribeMessages(a Account) (*Subscription, error) {
	if err := a.validate(); err != nil {
		return nil, err
	}
	s := &Subscription{
		ua: ua, account: a, auth: newAuthenticator(a),
		closing: make(chan struct{}), finished: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	ua.mu.Lock()
	defer ua.mu.Unlock()
	if ua.stopping {
		return nil, ErrClosed
	}
	ua.subscribed[s] = struct{}{}
	ua.wg.Go(s.run)
	return s, nil
}

// State returns the present state.
func (s *Subscription) State() SubscriptionState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Close takes the subscription back and waits for the answer or for ctx. It is
// idempotent.
func (s *Subscription) Close(ctx context.Context) error {
	s.once.Do(func() { close(s.closing) })
	select {
	case <-s.finished:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Subscription) run() {
	defer close(s.finished)
	defer func() {
		s.drop()
		s.ua.mu.Lock()
		delete(s.ua.subscribed, s)
		s.ua.mu.Unlock()
	}()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := make(chan struct{})
	s.ua.start(func() {
		select {
		case <-s.closing:
		case <-s.ua.closing:
		case <-stop:
		}
		cancel()
	})
	defer close(stop)
	for s.sleep(s.step(ctx)) {
	}
	if s.bound && !s.ua.isClosing() {
		bye, cancel := context.WithTimeout(context.Background(), s.ua.cfg.CloseTimeout)
		defer cancel()
		if _, err := s.send(bye, 0); err != nil {
			s.ua.log.Debug("sip: unsubscribing", "err", err)
		}
	}
}

// sleep waits for the next try, or for a NOTIFY that makes it sooner; false means
// the end.
func (s *Subscription) sleep(wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	for {
		select {
		case <-s.closing:
			return false
		case <-s.ua.closing:
			return false
		case <-t.C:
			select {
			case <-s.closing:
				return false
			default:
				return true
			}
		case <-s.wake:
			s.mu.Lock()
			over, retry := s.over, s.retry
			s.mu.Unlock()
			if over {
				s.drop()
				t.Reset(s.pause(retry))
			}
		}
	}
}

// step sends one SUBSCRIBE and returns how long to wait before the next.
func (s *Subscription) step(ctx context.Context) time.Duration {
	if s.dialog == nil {
		s.begin()
	}
	res, err := s.send(ctx, max(subscribeTime, s.minimum))
	if ctx.Err() != nil {
		return 0
	}
	if err == nil && res.IsSuccess() {
		if wait, ok := s.granted(res); ok {
			return wait
		}
		err = errNoTime
	}
	known := s.bound
	s.drop()
	s.failures++
	if err != nil {
		s.set(SubscriptionState{Err: err})
		return s.ua.cfg.backOff(s.failures)
	}
	e := statusError(res)
	s.set(SubscriptionState{Err: e})
	switch {
	case e.Code == 481 && known: // forgotten: subscribe anew
		return s.ua.cfg.backOff(s.failures) / 4
	case e.Code == 423:
		if d, ok := seconds(headerValues(res, "Min-Expires")); ok && d > s.minimum && d <= maxExpires {
			s.minimum = d
			return 0
		}
	case e.Code == 401 || e.Code == 403 || e.Code == 404 || e.Code == 405 || e.Code == 407 || e.Code == 410 ||
		e.Code == 489 || e.Code == 501 || e.Code >= 600:
		return refusedTime
	}
	return max(min(e.RetryAfter, refusedTime), s.ua.cfg.backOff(s.failures))
}

// errNoTime is a 2xx that subscribes to nothing.
var errNoTime = errors.New("the subscription was granted no time; the PBX may have no mailbox for the account")

// granted notes the time given and returns when to refresh; false when there is none.
func (s *Subscription) granted(res *sipmsg.Response) (time.Duration, bool) {
	expires := max(subscribeTime, s.minimum)
	if d, ok := seconds(headerValues(res, "Expires")); ok && d < expires {
		expires = d
	}
	if expires == 0 {
		return 0, false
	}
	s.failures, s.since = 0, time.Now()
	s.set(SubscriptionState{Active: true, Expires: expires})
	return max(expires*9/10, minRefresh), true
}

func (s *Subscription) set(st SubscriptionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.Active && s.over { // its NOTIFY was faster
		return
	}
	if st.Err != nil && (s.state.Err == nil || s.state.Err.Error() != st.Err.Error()) {
		s.ua.log.Info("sip: subscription to waiting messages", "account", s.account.id(), "err", st.Err)
	}
	s.state = st
}

// begin makes a dialog without a peer, under which NOTIFYs may come in.
func (s *Subscription) begin() {
	d := s.ua.newDialog()
	d.state, d.caller = confirmed, true
	d.callID, d.localTag = newCallID(), newTag()
	d.account, d.auth = s.account, s.auth
	d.from, d.fromName = s.account.aor(), quotedName(s.account.DisplayName)
	d.to, d.target = s.account.aor(), s.account.aor()
	s.dialog, s.bound = d, false
	s.mu.Lock()
	s.notifier, s.over, s.retry, s.flow = "", false, 0, hop{}
	s.mu.Unlock()
	s.ua.mu.Lock()
	s.ua.subscriptions[d.callID+"\x00"+d.localTag] = s
	s.ua.mu.Unlock()
}

// drop forgets the dialog: the next SUBSCRIBE makes another.
func (s *Subscription) drop() {
	if s.dialog == nil {
		return
	}
	s.ua.mu.Lock()
	delete(s.ua.subscriptions, s.dialog.callID+"\x00"+s.dialog.localTag)
	s.ua.mu.Unlock()
	s.dialog, s.bound = nil, false
}

// send sends SUBSCRIBE, within the dialog once it has its peer.
func (s *Subscription) send(ctx context.Context, expires time.Duration) (*sipmsg.Response, error) {
	fill := func(req *sipmsg.Request) {
		req.AppendHeader(sipmsg.NewHeader("Event", messageEvent))
		req.AppendHeader(sipmsg.NewHeader("Accept", messageSummaryType))
		req.AppendHeader(sipmsg.NewHeader("Expires", strconv.Itoa(int(expires/time.Second))))
		s.ua.finishRequest(req, "", nil)
	}
	d := s.dialog
	if s.bound {
		return d.ask(ctx, sipmsg.SUBSCRIBE, func(req *sipmsg.Request) {
			req.AppendHeader(d.contactHeader())
			fill(req)
		})
	}
	way, err := s.ua.accountWay(ctx, s.account, &d.target)
	if err != nil {
		return nil, err
	}
	if !way.trusted {
		d.auth = nil
	}
	var res *sipmsg.Response
	for _, h := range way.hops {
		var rt *route
		if rt, err = s.ua.open(ctx, h); err == nil {
			rt.routes = way.routes
			res, err = s.sendFirst(ctx, rt, fill)
		}
		if ctx.Err() != nil || err == nil && res.StatusCode != 503 || err != nil && !errors.Is(err, ErrUnreachable) {
			break
		}
	}
	return res, err
}

// sendFirst sends the SUBSCRIBE that makes the dialog, and answers challenges.
func (s *Subscription) sendFirst(ctx context.Context, rt *route, fill func(*sipmsg.Request)) (*sipmsg.Response, error) {
	d := s.dialog
	try := d.auth.begin()
	for {
		d.contact = s.ua.dialogContact(s.account, rt)
		d.localSeq++
		req := d.build(sipmsg.SUBSCRIBE, d.localSeq, d.target, rt.routes, rt)
		req.AppendHeader(d.contactHeader())
		fill(req)
		try.sign(req)
		moved, changed, err := s.ua.fit(ctx, req, rt, s.account.Transport)
		if err != nil {
			return nil, err
		}
		if changed {
			moved.routes = rt.routes
			rt = moved
			continue
		}
		res, err := s.ua.roundTrip(ctx, req, moved)
		if err != nil {
			return nil, err
		}
		if try.answer(res) {
			continue
		}
		if tag := tagOf(res.To().Params); res.IsSuccess() && tag != "" {
			d.remoteTag, d.peer, d.local = tag, rt.hop, rt.local
			d.routes = reversed(routesOf(res))
			d.refreshTarget(res.Contact())
			s.bound = true
			s.mu.Lock()
			s.notifier, s.flow, s.local = tag, rt.hop, rt.local
			s.mu.Unlock()
		} else if res.IsSuccess() {
			return nil, fmt.Errorf("the answer to SUBSCRIBE has no To-tag")
		}
		return res, nil
	}
}
