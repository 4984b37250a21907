package dialer

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/sip"
)

// A thousand calls over loopback, through a relay that loses one SIP message in
// ten, delays all of them, sends some twice, and now and then lets nothing
// through at all. What is lost is repeated, so both sides must agree on how each
// call went.

const (
	faultCalls      = 1000
	faultAtOnce     = 40
	faultLoss       = 0.10
	faultDuplicates = 0.05
	faultDelay      = 40 * time.Millisecond // at most
	faultCutEvery   = 5 * time.Second
	faultCut        = 300 * time.Millisecond
	faultRing       = 40 * time.Second // for who rings in vain
)

// how a call is to go, by the first part of the name of who calls, and how it
// then must have gone on both sides.
var faultKinds = []struct {
	name           string
	caller, callee verdictOfCall
}{
	{"caller-ends", verdictOfCall{Completed, Local}, verdictOfCall{Completed, Remote}},
	{"callee-ends", verdictOfCall{Completed, Remote}, verdictOfCall{Completed, Local}},
	{"rejected", verdictOfCall{Declined, Remote}, verdictOfCall{Declined, Local}},
	{"cancelled", verdictOfCall{Cancelled, Local}, verdictOfCall{Missed, Remote}},
}

type verdictOfCall struct {
	disposition Disposition
	by          Party
}

func (v verdictOfCall) String() string { return v.disposition.String() + " by " + v.by.String() }

func TestFaults_ThousandCallsOverLossyLoopback(t *testing.T) {
	alice, bob := newSocketPhone(t, "alice"), newSocketPhone(t, "bob")
	r := newLossyRelay(t, alice.sip(t), bob.sip(t))
	defer r.close() // after the phones, whose last messages go this way
	defer bob.close()
	defer alice.close()
	bob.play(func(ctx context.Context, kind string, c *Call) {
		switch kind {
		case "rejected":
			_ = c.Reject(ctx, 603)
		case "cancelled": // rings until the caller has had enough
		default:
			_ = c.Answer(ctx, AnswerOptions{})
		}
	}, func(ctx context.Context, kind string, c *Call) {
		if kind == "callee-ends" {
			_ = c.Hangup(ctx)
		}
	})
	alice.play(nil, func(ctx context.Context, kind string, c *Call) {
		if kind == "caller-ends" {
			_ = c.Hangup(ctx)
		}
	})
	begun := time.Now()
	lines := make(chan struct{}, faultAtOnce)
	var calls sync.WaitGroup
	for n := range faultCalls {
		lines <- struct{}{}
		calls.Go(func() {
			defer func() { <-lines }()
			alice.callThrough(t, r, fmt.Sprintf("%s-%04d", faultKinds[n%len(faultKinds)].name, n))
		})
	}
	calls.Wait()
	for _, p := range []*socketPhone{alice, bob} {
		if !p.idleWithin(time.Minute) {
			for _, c := range p.d.Calls() {
				name := c.Remote().URI.User
				t.Errorf("%s: a call is left\n%s\n%s\n%s", p.name, alice.story(name), bob.story(name), r.story(name))
			}
		}
	}
	t.Logf("%d calls in %.1f s: %s", faultCalls, time.Since(begun).Seconds(), r)
	require.Empty(t, judge(&alice.phone))
	require.Empty(t, judge(&bob.phone))
	agreeOnAll(t, alice, bob, r)
}

// agreeOnAll compares how each call went on the two sides.
func agreeOnAll(t *testing.T, alice, bob *socketPhone, r *lossyRelay) {
	out, in := alice.verdicts(), bob.verdicts()
	require.Len(t, out, faultCalls)
	for name, v := range out {
		for _, k := range faultKinds {
			// A call that is given up before any response came cannot be
			// cancelled (RFC 3261 §9.1): it rings in vain.
			if in[name].disposition == Missed && !r.answered(name) {
				k.callee = in[name]
			}
			if strings.HasPrefix(name, k.name) && (v != k.caller || in[name] != k.callee) {
				t.Errorf("%s: the caller says %s, the callee %s; want %s and %s\n%s\n%s\n%s", name, v, in[name], k.caller, k.callee,
					alice.story(name), bob.story(name), r.story(name))
			}
		}
	}
	for name := range in {
		if _, ok := out[name]; !ok {
			t.Errorf("%s: nobody made that call", name)
		}
	}
}

// socketPhone is a phone on real sockets of 127.0.0.1.
type socketPhone struct {
	phone
	answered, incoming atomic.Pointer[func(ctx context.Context, kind string, c *Call)]
	deeds              sync.WaitGroup
}

type socketPorts struct{ open atomic.Int64 }

func (p *socketPorts) listen(ctx context.Context, network, addr string) (net.PacketConn, error) {
	conn, err := new(net.ListenConfig).ListenPacket(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	p.open.Add(1)
	return &countedConn{PacketConn: conn, open: &p.open}, nil
}

func newSocketPhone(t *testing.T, name string) *socketPhone {
	p := &socketPhone{phone: phone{t: t, name: name, addr: netip.MustParseAddr("127.0.0.1"), log: newJournal(name), ports: &countedPorts{}, served: make(chan struct{})}}
	var err error
	p.ua, err = sip.New(sip.Config{
		MaxWait:   -1, // every call has a plot: none may be turned away because the machine is busy
		Listen:    []sip.Listen{{Transport: sip.UDP, Addr: netip.AddrPortFrom(p.addr, 0)}},
		AcceptAny: true, MaxRate: 10 * faultCalls,
	})
	require.NoError(t, err)
	sockets := &socketPorts{}
	p.media = media.NewPorts(media.PortsConfig{Range: media.PortRange{Min: 20000, Max: 23999}, ListenPacket: sockets.listen})
	p.pacer = media.NewPacer(media.PacerConfig{KernelTimer: true})
	p.d, err = New(Config{UA: p.ua, Ports: p.media, Pacer: p.pacer, Events: p.observe, RingTimeout: faultRing})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = func() {
		cancel()
		p.deeds.Wait()
		require.Zero(t, sockets.open.Load(), "%s: ports are left", name)
	}
	go func() {
		defer close(p.served)
		_ = p.ua.Serve(ctx, p.d.Receive)
	}()
	return p
}

// play says what is done when a call arrives, and 0.2 s after it was answered.
func (p *socketPhone) play(incoming, answered func(ctx context.Context, kind string, c *Call)) {
	if incoming != nil {
		p.incoming.Store(&incoming)
	}
	p.answered.Store(&answered)
}

func (p *socketPhone) observe(ev Event) {
	p.log.add(ev)
	var deed *func(context.Context, string, *Call)
	wait := 200 * time.Millisecond
	switch ev.Type {
	case EventIncoming:
		deed, wait = p.incoming.Load(), 10*time.Millisecond
	case EventAnswered:
		deed = p.answered.Load()
	default: // of no concern
	}
	c, ok := p.d.Call(ev.CallID)
	if deed == nil || !ok {
		return
	}
	kind := ev.Remote.URI.User
	kind = kind[:max(strings.LastIndexByte(kind, '-'), 0)]
	p.deeds.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		pass(wait)
		(*deed)(ctx, kind, c)
	})
}

func (p *socketPhone) sip(t *testing.T) netip.AddrPort {
	t.Helper()
	all := p.ua.Listening()
	require.Len(t, all, 1)
	return all[0].Addr
}

// callThrough makes one call, gives it up where that is its kind, and waits for
// its end.
func (p *socketPhone) callThrough(t *testing.T, r *lossyRelay, name string) {
	near := r.near()
	c, err := p.d.Dial(context.Background(), DialRequest{
		Account: sip.Account{ID: name, User: name, Domain: "127.0.0.1"},
		Target:  sip.URI{Scheme: "sip", User: name, Host: near.Addr().String(), Port: int(near.Port())},
	})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if strings.HasPrefix(name, "cancelled") {
		pass(400 * time.Millisecond)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = c.Hangup(ctx)
	}
	select {
	case <-c.Done():
	case <-time.After(2 * time.Minute):
		t.Errorf("%s: is still %s", name, c.State())
	}
}

func (p *socketPhone) idleWithin(limit time.Duration) bool {
	for range limit / (50 * time.Millisecond) {
		if len(p.d.Calls()) == 0 {
			return true
		}
		pass(50 * time.Millisecond)
	}
	return false
}

// story is what happened in the calls of that name, and at which second.
func (p *socketPhone) story(name string) string {
	told := name + " at " + p.name + ":"
	for _, ev := range p.log.all() {
		if ev.Remote.URI.User == name {
			told += " " + ev.Type.String() + ev.Time.Format(" 05.000")
		}
	}
	return told
}

// verdicts are how the calls went, by the name of who called.
func (p *socketPhone) verdicts() map[string]verdictOfCall {
	all := map[string]verdictOfCall{}
	for _, ev := range p.log.all() {
		if ev.Type == EventEnded {
			all[ev.Remote.URI.User] = verdictOfCall{ev.Outcome.Disposition, ev.Outcome.EndedBy}
		}
	}
	return all
}

// lossyRelay stands between two phones, each of which takes it for the other:
// every address in a message is rewritten, so that what follows the INVITE comes
// this way too.
//
//	alice <-> socket 0 | lost, late, twice, cut | socket 1 <-> bob
type lossyRelay struct {
	sockets [2]*net.UDPConn
	phones  [2]netip.AddrPort
	begun   time.Time
	running sync.WaitGroup

	mu                        sync.Mutex
	dice                      *rand.Rand
	closed                    bool
	passed, lost, twice, cuts int
	seen                      map[string][]string // what passed, or did not, by the name of who called
	heard                     map[string]bool     // a response got through to who called
}

func newLossyRelay(t *testing.T, alice, bob netip.AddrPort) *lossyRelay {
	r := &lossyRelay{phones: [2]netip.AddrPort{alice, bob}, begun: time.Now(), seen: map[string][]string{}, heard: map[string]bool{}, dice: rand.New(rand.NewPCG(1, 2))}
	for side := range r.sockets {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
		require.NoError(t, err)
		r.sockets[side] = conn
	}
	for side := range r.sockets {
		r.running.Go(func() { r.read(side) })
	}
	return r
}

func (r *lossyRelay) near() netip.AddrPort { return addrOf(r.sockets[0]) }

func addrOf(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

func (r *lossyRelay) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	for _, s := range r.sockets {
		_ = s.Close()
	}
	r.running.Wait()
}

func (r *lossyRelay) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("%d messages passed, %d lost, %d of them in cuts, %d sent twice", r.passed, r.lost, r.cuts, r.twice)
}

func (r *lossyRelay) read(side int) {
	buffer := make([]byte, 1<<16)
	for {
		n, _, err := r.sockets[side].ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		delays := r.fate()
		r.note(buffer[:n], side, delays)
		for _, delay := range delays {
			r.send(1-side, r.rewrite(buffer[:n], side), delay)
		}
	}
}

// fate is after how long a message goes on, none when it is lost.
func (r *lossyRelay) fate() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	late := func() time.Duration { return time.Duration(r.dice.Int64N(int64(faultDelay))) }
	cut := time.Since(r.begun)%faultCutEvery > faultCutEvery-faultCut
	switch {
	case cut:
		r.lost++
		r.cuts++
		return nil
	case r.dice.Float64() < faultLoss:
		r.lost++
		return nil
	case r.dice.Float64() < faultDuplicates:
		r.passed++
		r.twice++
		return []time.Duration{late(), late()}
	}
	r.passed++
	return []time.Duration{late()}
}

func (r *lossyRelay) send(side int, message []byte, delay time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.running.Add(1)
	time.AfterFunc(delay, func() {
		defer r.running.Done()
		_, _ = r.sockets[side].WriteToUDPAddrPort(message, r.phones[side])
	})
}

var (
	whoCalls = regexp.MustCompile(`(?m)^From:.*sip:([a-z]+(?:-[a-z]+)?-\d{4})@|^To:.*sip:([a-z]+(?:-[a-z]+)?-\d{4})@`)
	sequence = regexp.MustCompile(`(?m)^CSeq: *(.*?)\r$`)
)

// note keeps what is needed to tell afterwards how a call went wrong.
func (r *lossyRelay) note(message []byte, side int, delays []time.Duration) {
	line, _, _ := bytes.Cut(message, []byte("\r\n"))
	name := whoCalls.FindSubmatch(message)
	seq := sequence.FindSubmatch(message)
	if name == nil || seq == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	who := string(name[1]) + string(name[2])
	if side == 1 && len(delays) > 0 && bytes.HasPrefix(line, []byte("SIP/2.0 ")) {
		r.heard[who] = true
	}
	r.seen[who] = append(r.seen[who], fmt.Sprintf("%s %s %.12s (%s) %v",
		time.Now().Format("05.000"), [2]string{"->", "<-"}[side], line, seq[1], delays))
}

// answered says whether any response got through to who called.
func (r *lossyRelay) answered(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard[name]
}

// story is what came by of the calls of that name.
func (r *lossyRelay) story(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.seen[name], "\n")
}

// rewrite makes what one side says about itself and about the relay into what
// the other side must hear.
func (r *lossyRelay) rewrite(message []byte, from int) []byte {
	far := 1 - from
	out := bytes.ReplaceAll(message, []byte(r.phones[from].String()), []byte(addrOf(r.sockets[far]).String()))
	return bytes.ReplaceAll(out, []byte(addrOf(r.sockets[from]).String()), []byte(r.phones[far].String()))
}
