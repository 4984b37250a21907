package sip

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The model of a forking proxy with phones behind it: each rings when it likes,
// reliably or not, and answers or not; the caller cancels or not; messages are
// lost. What must hold: each reliable response gets one PRACK, each 2xx its ACK,
// all answered phones but the one that is talked to a BYE.

// forker is the proxy and its phones.
type forker struct {
	conn  net.PacketConn
	dice  *rand.Rand
	loss  float64
	group sync.WaitGroup

	mu        sync.Mutex
	invite    *message
	cancelled bool
	final     bool
	answered  map[string]bool            // phones that have sent 200
	acked     map[string]bool            // ... and got the ACK
	byes      map[string]map[string]bool // branches
	pracks    map[string]map[string]bool // CSeq by phone and RAck
	rung      map[string]bool            // phone and RAck, acknowledged
	changed   chan struct{}
}

func newForker(t *testing.T, n *memnet.Network, dice *rand.Rand, loss float64) *forker {
	c, err := n.Host(netip.MustParseAddr(peerAddr)).ListenPacket(context.Background(), "udp4", peerAddr+":5060")
	require.NoError(t, err)
	return &forker{conn: c, dice: dice, loss: loss, changed: make(chan struct{}), answered: map[string]bool{}, acked: map[string]bool{},
		byes: map[string]map[string]bool{}, pracks: map[string]map[string]bool{}, rung: map[string]bool{}}
}

func (f *forker) number(n int) int { f.mu.Lock(); defer f.mu.Unlock(); return f.dice.IntN(n) }

func (f *forker) send(m *message, code int, tag, body string, extra ...string) {
	f.mu.Lock()
	lost := f.dice.Float64() < f.loss
	f.mu.Unlock()
	if !lost {
		text := replyText(netip.MustParseAddrPort(peerAddr+":5060"), m, code, "Model", tag, body, extra...)
		_, _ = f.conn.WriteTo([]byte(text), net.UDPAddrFromAddrPort(m.from))
	}
}

// until says whether ok became true within d, asking again at each change.
func (f *forker) until(d time.Duration, ok func() bool) bool {
	limit := time.After(d)
	for {
		f.mu.Lock()
		is, changed := ok(), f.changed
		f.mu.Unlock()
		if is {
			return true
		}
		select {
		case <-changed:
		case <-limit:
			return false
		}
	}
}

// repeat sends until ok, with intervals that double from T1 to top, for 64*T1.
func (f *forker) repeat(top time.Duration, send func(), ok func() bool) bool {
	begun := time.Now()
	for interval := t1; time.Since(begun) < timer64; interval = min(2*interval, top) {
		send()
		if f.until(min(interval, timer64-time.Since(begun)), ok) {
			return true
		}
	}
	return false
}

func (f *forker) serve(t *testing.T, phones int) {
	buf := make([]byte, 65536)
	for {
		n, from, err := f.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if f.number(1000) < int(f.loss*1000) {
			continue
		}
		f.take(readMessage(t, append([]byte(nil), buf[:n]...), addrPortOf(from)), phones)
	}
}

func (f *forker) take(m *message, phones int) {
	if !m.isRequest() {
		return
	}
	f.mu.Lock()
	tag := m.tag("To")
	switch m.method() {
	case "INVITE":
		if f.invite == nil {
			f.invite = m
			for i := range phones {
				f.group.Go(func() { f.phone(fmt.Sprintf("phone%d", i)) })
			}
			f.group.Go(f.giveUp)
		}
	case "CANCEL":
		f.cancelled = true
	case "ACK":
		f.acked[tag] = true
	case "BYE":
		note(f.byes, tag, m.get("Via"))
	case "PRACK":
		note(f.pracks, tag+" "+m.get("RAck"), m.get("CSeq"))
		f.rung[tag+" "+m.get("RAck")] = true
	}
	close(f.changed)
	f.changed = make(chan struct{})
	f.mu.Unlock()
	if method := m.method(); method != "INVITE" && method != "ACK" {
		f.send(m, 200, "", "")
	}
}

func note(m map[string]map[string]bool, key, value string) {
	if m[key] == nil {
		m[key] = map[string]bool{}
	}
	m[key][value] = true
}

// phone rings and perhaps answers.
func (f *forker) phone(tag string) {
	stop := func() bool { return f.cancelled || f.final || len(f.answered) > 0 && f.dice.IntN(2) == 0 }
	cseq := f.invite.get("CSeq")
	for n := range f.number(4) {
		if f.until(time.Duration(f.number(900))*time.Millisecond, func() bool { return f.cancelled || f.final }) {
			return
		}
		code, body := 180+3*f.number(2), strings.Repeat("early ", f.number(2))
		if f.number(3) == 0 {
			f.send(f.invite, code, tag, body)
			continue
		}
		number := fmt.Sprint(100 + n)
		rack := tag + " " + number + " " + cseq
		rung := func() bool { return f.rung[rack] || f.cancelled || f.final || len(f.answered) > 0 }
		f.repeat(timer64, func() { f.send(f.invite, code, tag, body, "Require: 100rel", "RSeq: "+number) }, rung)
		if f.until(0, func() bool { return !f.rung[rack] }) {
			return // somebody else was faster
		}
	}
	if f.number(3) == 0 || f.until(time.Duration(f.number(1500))*time.Millisecond, stop) {
		return
	}
	f.mu.Lock()
	if f.cancelled || f.final { // the proxy would not hand it on
		f.mu.Unlock()
		return
	}
	f.answered[tag] = true
	f.mu.Unlock()
	f.repeat(t2, func() { f.send(f.invite, 200, tag, "answer") }, func() bool { return f.acked[tag] })
}

// giveUp is the proxy's own final response, when nobody answers.
func (f *forker) giveUp() {
	cancelled := f.until(time.Duration(5000+f.number(3000))*time.Millisecond, func() bool { return f.cancelled || len(f.answered) > 0 })
	f.mu.Lock()
	if len(f.answered) > 0 {
		f.mu.Unlock()
		return
	}
	f.final = true
	cancelled = cancelled && f.cancelled
	f.mu.Unlock()
	code := 408
	if cancelled {
		code = 487
	}
	f.repeat(t2, func() { f.send(f.invite, code, "proxy", "") }, func() bool { return f.acked["proxy"] })
}

func TestModel_ForkedCalls_RFC3262_4_RFC3261_13_2_2_4(t *testing.T) {
	for seed := range uint64(1000) {
		synctest.Test(t, func(t *testing.T) { playForks(t, seed) })
		if t.Failed() {
			return
		}
	}
}

func playForks(t *testing.T, seed uint64) {
	dice := rand.New(rand.NewPCG(seed, 7))
	n := memnet.New(seed, memnet.Link{Delay: time.Duration(dice.IntN(80)) * time.Millisecond})
	host := n.Host(netip.MustParseAddr(ourAddr))
	ua, err := New(Config{Listen: []Listen{{UDP, us()}},
		Network:   Network{ListenPacket: host.ListenPacket, Listen: host.Listen, Dial: host.Dial, LocalFor: host.LocalFor},
		AcceptAny: true})
	require.NoError(t, err)
	// More, and a 200 sent eleven times is lost each time in one run of a hundred.
	f := newForker(t, n, dice, []float64{0, 0, 0.05, 0.12}[dice.IntN(4)])
	phones := 1 + dice.IntN(4)
	served := make(chan struct{})
	go func() { defer close(served); f.serve(t, phones) }()
	c := ua.Invite(context.Background(), InviteRequest{Account: Account{User: "a", Domain: "x", Server: peerAddr + ":5060"},
		Target: URI{Scheme: "sip", User: "bob", Host: "x"}, Offer: offerText("offer")})
	if when := f.number(6000); when < 3000 {
		f.group.Go(func() { <-time.After(time.Duration(when) * time.Millisecond); c.Cancel("") })
	}
	winner := ""
	seen := map[string]bool{}
	for r := range c.Responses() {
		switch r := r.(type) {
		case Provisional:
			if r.Reliable {
				key := r.Dialog.remoteTag + " " + r.Headers("RSeq")[0]
				assert.False(t, seen[key], "seed %d: %s told twice", seed, key)
				seen[key] = true
			}
		case Final:
			if r.Err == nil {
				winner = r.Dialog.remoteTag
				require.NoError(t, r.Dialog.Ack(nil))
				<-time.After(3 * time.Minute)
				require.NoError(t, r.Dialog.Bye(context.Background(), ""))
			}
		}
	}
	<-time.After(3 * time.Minute)
	f.check(t, seed, winner)
	ua.mu.Lock()
	assert.Zero(t, ua.callsLocked()+len(ua.early), "seed %d", seed)
	ua.mu.Unlock()
	assert.NoError(t, ua.Close())
	_ = f.conn.Close()
	<-served
	f.group.Wait()
}

// check holds what came against the rules.
func (f *forker) check(t *testing.T, seed uint64, winner string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, cseqs := range f.pracks {
		assert.Len(t, cseqs, 1, "seed %d: PRACK of %s", seed, key)
	}
	for tag := range f.answered {
		assert.True(t, f.acked[tag], "seed %d: the 200 of %s was never acknowledged", seed, tag)
		assert.Len(t, f.byes[tag], 1, "seed %d: %s talks to nobody (winner %q)", seed, tag, winner)
	}
	if winner != "" {
		assert.True(t, f.answered[winner], "seed %d", seed)
	}
}
