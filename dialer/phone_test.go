package dialer

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/jitter"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/sip"
)

// phone is a whole user agent with media and dialer on its own host of a
// network in memory.
type phone struct {
	t     *testing.T
	name  string
	addr  netip.Addr
	ua    *sip.UserAgent
	ports *countedPorts
	media *media.Ports
	pacer *media.Pacer
	d     *Dialer
	log   *journal

	// script, when set, takes invitations in place of the dialer.
	script atomic.Pointer[func(*sip.Invitation)]
	stop   context.CancelFunc
	mu     sync.Mutex
	legs   []*leg
	served chan struct{}
}

// countedPorts counts the sockets that are open.
type countedPorts struct {
	host *memnet.Host
	open atomic.Int64
}

type countedConn struct {
	net.PacketConn
	once sync.Once
	open *atomic.Int64
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.PacketConn.Close()
}

func (p *countedPorts) listen(ctx context.Context, network, addr string) (net.PacketConn, error) {
	conn, err := p.host.ListenPacket(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	p.open.Add(1)
	return &countedConn{PacketConn: conn, open: &p.open}, nil
}

// world is one bubble's network with two phones on it.
type world struct {
	t    *testing.T
	net  *memnet.Network
	a, b *phone
}

var (
	addrA = netip.MustParseAddr("10.0.0.1")
	addrB = netip.MustParseAddr("10.0.0.2")
)

// inWorld runs f in a bubble with two phones, alice at A and bob at B, and
// checks afterwards that nothing of them is left.
func inWorld(t *testing.T, set func(side string, cfg *Config), f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memnet.Link{Delay: 5 * time.Millisecond}, set)
		defer w.close()
		f(w)
	})
}

func newWorld(t *testing.T, link memnet.Link, set func(side string, cfg *Config)) *world {
	n := memnet.New(1, link)
	if set == nil {
		set = func(string, *Config) {}
	}
	w := &world{t: t, net: n}
	w.a = newPhone(t, n, "alice", addrA, func(c *Config) { set("a", c) })
	w.b = newPhone(t, n, "bob", addrB, func(c *Config) { set("b", c) })
	return w
}

// close ends both sides and fails when a port is left. A goroutine that is left
// fails the bubble by itself.
func (w *world) close() {
	for _, p := range []*phone{w.a, w.b} {
		p.close()
	}
	_ = w.net.Close()
}

func newPhone(t *testing.T, n *memnet.Network, name string, addr netip.Addr, set func(*Config), tune ...func(*sip.Config)) *phone {
	host := n.Host(addr)
	p := &phone{
		t: t, name: name, addr: addr, log: newJournal(name),
		ports: &countedPorts{host: host}, served: make(chan struct{}),
	}
	var err error
	conf := sip.Config{
		Listen: []sip.Listen{{Transport: sip.UDP, Addr: netip.AddrPortFrom(netip.IPv4Unspecified(), 5060)}},
		Network: sip.Network{
			ListenPacket: host.ListenPacket, Listen: host.Listen, Dial: host.Dial, LocalFor: host.LocalFor,
		},
		AcceptAny: true,
	}
	for _, f := range tune {
		f(&conf)
	}
	p.ua, err = sip.New(conf)
	require.NoError(t, err)
	p.media = media.NewPorts(media.PortsConfig{
		Range: media.PortRange{Min: 10000, Max: 10999}, ListenPacket: p.ports.listen,
	})
	p.pacer = media.NewPacer(media.PacerConfig{Workers: 1})
	cfg := Config{
		UA: p.ua, Ports: p.media, Pacer: p.pacer, Events: p.log.add,
		// A tone that is shortened is not the same tone any more, for who measures it.
		Jitter: jitter.Config{Target: 60 * time.Millisecond, Fixed: true},
	}
	set(&cfg)
	p.d, err = New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	go func() {
		defer close(p.served)
		_ = p.ua.Serve(ctx, func(inv *sip.Invitation) {
			if script := p.script.Load(); script != nil {
				(*script)(inv)
				return
			}
			p.d.Receive(inv)
		})
	}()
	return p
}

func (p *phone) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	require.NoError(p.t, p.d.Close(ctx), "%s", p.name)
	require.Empty(p.t, p.d.Calls(), "%s", p.name)
	p.mu.Lock()
	for _, l := range p.legs {
		l.close()
	}
	p.mu.Unlock()
	require.Zero(p.t, p.ports.open.Load(), "%s: ports are left", p.name)
	p.stop()
	require.NoError(p.t, p.ua.Close())
	<-p.served
	require.NoError(p.t, p.pacer.Close())
}

func (p *phone) uri() sip.URI {
	return sip.URI{Scheme: "sip", User: p.name, Host: p.addr.String(), Port: 5060}
}

func (p *phone) account() sip.Account {
	return sip.Account{ID: p.name, User: p.name, Domain: p.addr.String()}
}

func (p *phone) dial(to *phone, more ...func(*DialRequest)) *Call {
	p.t.Helper()
	req := DialRequest{Account: p.account(), Target: to.uri()}
	for _, f := range more {
		f(&req)
	}
	c, err := p.d.Dial(context.Background(), req)
	require.NoError(p.t, err)
	return c
}

// arrived waits for a call to ring here.
func (p *phone) arrived() *Call {
	p.t.Helper()
	ev := p.log.await(p.t, EventIncoming)
	c, ok := p.d.Call(ev.CallID)
	require.True(p.t, ok)
	return c
}

// connected makes a call from a to b that is answered.
func (w *world) connected(from, to *phone, more ...func(*DialRequest)) (*Call, *Call) {
	w.t.Helper()
	out := from.dial(to, more...)
	in := to.arrived()
	require.NoError(w.t, in.Answer(context.Background(), AnswerOptions{}))
	from.log.await(w.t, EventAnswered)
	to.log.await(w.t, EventAnswered)
	return out, in
}

// pass lets time go by; in a bubble it costs none.
func pass(d time.Duration) { <-time.After(d) }

// journal keeps the events of one dialer.
type journal struct {
	name string

	mu     sync.Mutex
	events []Event
	seen   map[EventType]int // how many of each were awaited
	grown  chan struct{}
}

func newJournal(name string) *journal {
	return &journal{name: name, seen: map[EventType]int{}, grown: make(chan struct{})}
}

func (j *journal) add(ev Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, ev)
	close(j.grown)
	j.grown = make(chan struct{})
}

// await returns the next event of that type that was not awaited before.
func (j *journal) await(t *testing.T, want EventType) Event {
	t.Helper()
	limit := time.After(5 * time.Minute)
	for {
		j.mu.Lock()
		n := 0
		for _, ev := range j.events {
			if ev.Type != want {
				continue
			}
			if n == j.seen[want] {
				j.seen[want]++
				j.mu.Unlock()
				return ev
			}
			n++
		}
		grown := j.grown
		j.mu.Unlock()
		select {
		case <-grown:
		case <-limit:
			require.Fail(t, "event missing", "%s saw no %s, but %v", j.name, want, j.types())
		}
	}
}

func (j *journal) all() []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.events)
}

func (j *journal) types() []EventType {
	var types []EventType
	for _, ev := range j.all() {
		types = append(types, ev.Type)
	}
	return types
}

// outcome waits for the end of c and returns what was told of it.
func (p *phone) outcome(c *Call) Outcome {
	p.t.Helper()
	select {
	case <-c.Done():
	case <-time.After(5 * time.Minute):
		require.Fail(p.t, "call did not end", "%s: %s", p.name, c.State())
	}
	var told []Outcome
	for _, ev := range p.log.all() {
		if ev.Type == EventEnded && ev.CallID == c.ID() {
			require.NotNil(p.t, ev.Outcome)
			told = append(told, *ev.Outcome)
		}
	}
	require.Len(p.t, told, 1, "%s: ended exactly once", p.name)
	require.Equal(p.t, c.Outcome(), told[0])
	require.Equal(p.t, Ended, c.State())
	return told[0]
}

// tone is a source of one frequency for ever.
func tone(hz float64) audio.Source {
	return audio.Tone{Frequencies: []float64{hz}, Level: -10}.Source()
}

// ear is a sink that measures how loud a frequency has been of late.
type ear struct {
	mu      sync.Mutex
	samples []int16
}

func (e *ear) WriteFrame(f *audio.Frame) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.samples = append(e.samples, f.Samples...)
	if over := len(e.samples) - 1600; over > 0 {
		e.samples = append(e.samples[:0], e.samples[over:]...)
	}
}

// level is the amplitude at hz over the last 0.2 s (Goertzel's filter).
func (e *ear) level(hz float64) float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.samples) == 0 {
		return 0
	}
	coeff := 2 * math.Cos(2*math.Pi*hz/8000)
	var s1, s2 float64
	for _, x := range e.samples {
		s1, s2 = float64(x)+coeff*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - coeff*s1*s2
	return 2 * math.Sqrt(max(power, 0)) / float64(len(e.samples))
}

func (e *ear) hears(t *testing.T, hz float64) {
	t.Helper()
	require.Greater(t, e.level(hz), 2000.0, "%v Hz is not heard", hz)
}

func (e *ear) hearsNothing(t *testing.T, hz float64) {
	t.Helper()
	require.Less(t, e.level(hz), 100.0, fmt.Sprintf("%v Hz is heard", hz))
}

// scripted makes p take invitations by f instead of its dialer, with a leg for
// its media, which is closed at the end of the test.
func (p *phone) scripted(f func(inv *sip.Invitation, l *leg)) {
	script := func(inv *sip.Invitation) { f(inv, p.newLeg()) }
	p.script.Store(&script)
}

// newLeg is media without a call.
func (p *phone) newLeg() *leg {
	l := newLeg(&p.d.cfg, p.d.security(p.name))
	l.source, l.sink = audio.Silence{}, audio.Discard{}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.legs = append(p.legs, l)
	return l
}

// take answers inv by l and returns the dialog.
func (p *phone) take(inv *sip.Invitation, l *leg) *sip.Dialog {
	p.t.Helper()
	require.NoError(p.t, l.open(inv.Path(), nil))
	require.NoError(p.t, l.admit(inv.Path(), false))
	body, params, err := l.answer(inv.Offer(), offer.SendRecv)
	require.NoError(p.t, err)
	require.NoError(p.t, l.apply(params))
	dialog, err := inv.Accept(body)
	require.NoError(p.t, err)
	return dialog
}
