package phone_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/internal/exchange"
	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/metrics"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/sip"
	"github.com/softphone-go/softphone/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an exchange and phones on a network in memory.
type world struct {
	net *memnet.Network
	ex  *exchange.Exchange
}

func newWorld(t *testing.T, users ...string) *world {
	t.Helper()
	w := &world{net: memnet.New(1, memnet.Link{Delay: 5 * time.Millisecond})}
	var list []exchange.User
	for _, u := range users {
		list = append(list, exchange.User{Name: u, Password: "pw-" + u})
	}
	host := w.net.Host(netip.MustParseAddr("10.0.0.1"))
	var err error
	w.ex, err = exchange.Start(exchange.Config{
		Addr: "10.0.0.1:5060", Users: list, ListenPacket: host.ListenPacket, Listen: host.Listen,
	})
	require.NoError(t, err)
	return w
}

func (w *world) close(t *testing.T) {
	require.NoError(t, w.ex.Close())
	w.net.Close()
}

// user is a phone with its events.
type user struct {
	*phone.Phone
	mu     sync.Mutex
	events []store.Event
	counts *metrics.Metrics
	calls  []dialer.Event
	done   chan struct{}
}

func (w *world) phone(t *testing.T, addr, name string, mode config.Mode) *user {
	t.Helper()
	return w.phoneAt(t, addr, name, mode, phone.Memory)
}

func (w *world) phoneAt(t *testing.T, addr, name string, mode config.Mode, path string) *user {
	t.Helper()
	u := &user{done: make(chan struct{}), counts: metrics.New()}
	host := w.net.Host(netip.MustParseAddr(addr))
	file := config.Default()
	file.SIP.Listen = []string{"udp:" + addr + ":5060"}
	var err error
	u.Phone, err = phone.Open(t.Context(), phone.Config{
		File: file, StorePath: path,
		Network:     sip.Network{ListenPacket: host.ListenPacket, Listen: host.Listen, Dial: host.Dial, LocalFor: host.LocalFor},
		ListenMedia: host.ListenPacket, Metrics: u.counts,
		Calls: func(ev dialer.Event) {
			u.mu.Lock()
			defer u.mu.Unlock()
			u.calls = append(u.calls, ev)
		},
	})
	require.NoError(t, err)
	go func() {
		defer close(u.done)
		_ = u.Follow(context.Background(), func(ev store.Event) bool {
			u.mu.Lock()
			defer u.mu.Unlock()
			u.events = append(u.events, ev)
			return true
		})
	}()
	require.NoError(t, u.AddAccount(config.Account{ID: name, Server: "10.0.0.1:5060", User: name, Password: "pw-" + name, Transport: "udp", Mode: mode}))
	require.NoError(t, u.WaitRegistered(t.Context(), name))
	return u
}

func (u *user) close(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	require.NoError(t, u.Stop(ctx))
	<-u.done
	require.NoError(t, u.Close(ctx))
}

// types lists the journal's event types that begin with prefix.
func (u *user) types(prefix string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []string
	for _, ev := range u.events {
		if rest, ok := strings.CutPrefix(ev.Type, prefix); ok {
			out = append(out, rest)
		}
	}
	return strings.Join(out, " ")
}

func directive(name, payload string) []byte {
	return []byte(`{"header":{"namespace":"PhoneCall","name":"` + name + `","messageId":"` + rand() + `","dialogRequestId":"d","version":"1.3"},"payload":` + payload + `}`)
}

var counter struct {
	sync.Mutex
	n int
}

func rand() string {
	counter.Lock()
	defer counter.Unlock()
	counter.n++
	return "m" + strconv.Itoa(counter.n)
}

func TestPhone_DirectedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "01011112222", "01033334444")
		defer w.close(t)
		alice := w.phone(t, "10.0.0.2", "01011112222", config.ModePhone)
		defer alice.close(t)
		bob := w.phone(t, "10.0.0.3", "01033334444", config.ModePhone)
		defer bob.close(t)

		require.NoError(t, alice.Agent().Handle(t.Context(), directive("MakeCall",
			`{"callType":"NORMAL","recipient":{"name":"Bob","type":"CONTACT","contacts":[{"number":"010-3333-4444"}]}}`)))
		time.Sleep(time.Second)
		assert.Equal(t, "CallArrived", bob.types(phone.TypePhoneCall))
		require.NoError(t, bob.Agent().Handle(t.Context(), directive("AcceptCall", `{"speakerPhone":false}`)))
		time.Sleep(5 * time.Second)
		require.NoError(t, bob.Agent().Handle(t.Context(), directive("EndCall", `{}`)))
		time.Sleep(time.Second)
		assert.Equal(t, "MakeCallSucceeded CallEstablished CallEnded", alice.types(phone.TypePhoneCall))
		assert.Equal(t, "CallArrived CallEstablished CallEnded", bob.types(phone.TypePhoneCall))
		assert.Equal(t, "dialing ringing answered ended", alice.types("call."))

		rows, err := alice.Store().History(t.Context(), store.HistoryFilter{})
		require.NoError(t, err)
		require.Len(t, rows, 1, "one row a call, though it was written twice")
		assert.Equal(t, store.HistoryOut, rows[0].Type)
		assert.Equal(t, "01033334444", rows[0].Number)
		assert.InDelta(t, 5, rows[0].Talk.Seconds(), 0.2)
		rows, err = bob.Store().History(t.Context(), store.HistoryFilter{})
		require.NoError(t, err)
		require.Len(t, rows, 1)
		assert.Equal(t, store.HistoryIn, rows[0].Type)
	})
}

// A call that was answered when the process died was not missed.
func TestPhone_AnsweredCallAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		defer w.close(t)
		live, dead := filepath.Join(t.TempDir(), "live.db"), filepath.Join(t.TempDir(), "dead.db")
		alice := w.phone(t, "10.0.0.2", "alice", config.ModeAutomation)
		defer alice.close(t)
		bob := w.phoneAt(t, "10.0.0.3", "bob", config.ModePhone, live)
		defer bob.close(t)
		began := time.Now()
		_, err := alice.Dial(t.Context(), "bob", phone.DialOptions{})
		require.NoError(t, err)
		time.Sleep(time.Second)
		require.NoError(t, bob.Agent().Handle(t.Context(), directive("AcceptCall", `{"speakerPhone":false}`)))
		time.Sleep(time.Second)
		for _, suffix := range []string{"", "-wal"} { // what a crash now leaves on the disk
			data, err := os.ReadFile(live + suffix)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(dead+suffix, data, 0o600))
		}
		s, err := store.Open(t.Context(), dead, store.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		calls, err := s.RecoverOpenCalls(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, calls, 1)
		assert.Equal(t, store.HistoryIn, calls[0].Row.Type)
		assert.Equal(t, store.CauseRestart, calls[0].Row.Cause)
		assert.WithinDuration(t, began, calls[0].Row.Started, 500*time.Millisecond)
		assert.InDelta(t, 1, calls[0].Row.Answered.Sub(calls[0].Row.Started).Seconds(), 0.2)
		missed, err := s.IsRecentMissed(t.Context(), "alice")
		require.NoError(t, err)
		assert.False(t, missed)
	})
}

// BlockIncomingCall refuses who rings, and is told apart from a refusal.
func TestPhone_BlockIncomingCallIsBlockedInTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "01011112222", "01033334444")
		defer w.close(t)
		alice := w.phone(t, "10.0.0.2", "01011112222", config.ModeAutomation)
		defer alice.close(t)
		bob := w.phone(t, "10.0.0.3", "01033334444", config.ModePhone)
		defer bob.close(t)
		c, err := alice.Dial(t.Context(), "01033334444", phone.DialOptions{})
		require.NoError(t, err)
		time.Sleep(time.Second)
		require.NoError(t, bob.Agent().Handle(t.Context(), directive("BlockIncomingCall", `{}`)))
		<-c.Done()
		time.Sleep(time.Second)
		assert.Equal(t, "CallArrived CallEnded", bob.types(phone.TypePhoneCall))
		again, err := alice.Dial(t.Context(), "01033334444", phone.DialOptions{})
		require.NoError(t, err)
		<-again.Done()
		time.Sleep(time.Second)
		assert.Equal(t, "CallArrived CallEnded", bob.types(phone.TypePhoneCall), "the second time nothing rang")
		rows, err := bob.Store().History(t.Context(), store.HistoryFilter{})
		require.NoError(t, err)
		require.Len(t, rows, 2)
		assert.Equal(t, store.HistoryBlocked, rows[0].Type)
		assert.Equal(t, store.HistoryBlocked, rows[1].Type)
	})
}

// Who refuses a ringing call as busy has refused it, not missed it.
func TestPhone_RefusedAsBusyIsRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		defer w.close(t)
		alice := w.phone(t, "10.0.0.2", "alice", config.ModeAutomation)
		defer alice.close(t)
		bob := w.phone(t, "10.0.0.3", "bob", config.ModePhone)
		defer bob.close(t)
		c, err := alice.Dial(t.Context(), "bob", phone.DialOptions{})
		require.NoError(t, err)
		time.Sleep(time.Second)
		require.NoError(t, bob.Calls()[0].Reject(t.Context(), 486))
		<-c.Done()
		time.Sleep(time.Second)
		assert.Equal(t, dialer.Busy, c.Outcome().Disposition)
		rows, err := bob.Store().History(t.Context(), store.HistoryFilter{})
		require.NoError(t, err)
		require.Len(t, rows, 1)
		assert.Equal(t, store.HistoryRejected, rows[0].Type)
	})
}

// A peer that no longer answers our BYE does not keep us from un-registering.
func TestPhone_StopUnregistersThoughAPeerIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		defer w.close(t)
		alice := w.phone(t, "10.0.0.2", "alice", config.ModeAutomation)
		bob := w.phone(t, "10.0.0.3", "bob", config.ModePhone)
		_, err := alice.Dial(t.Context(), "sip:bob@10.0.0.3:5060", phone.DialOptions{})
		require.NoError(t, err)
		time.Sleep(time.Second)
		require.NoError(t, bob.Agent().Handle(t.Context(), directive("AcceptCall", `{"speakerPhone":false}`)))
		time.Sleep(time.Second)
		w.net.Cut(netip.MustParseAddr("10.0.0.3"), true)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, alice.Stop(ctx), context.DeadlineExceeded, "the BYE was not answered")
		assert.False(t, w.ex.Registered("alice"))
		assert.Less(t, time.Since(start), 10*time.Second)
		w.net.Cut(netip.MustParseAddr("10.0.0.3"), false)
		_ = bob.Stop(ctx)
		for _, u := range []*user{alice, bob} {
			<-u.done
			_ = u.Close(ctx) // what Stop said
		}
	})
}

func TestPhone_BlockedBeforeRinging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "07012345678", "01033334444")
		defer w.close(t)
		mallory := w.phone(t, "10.0.0.2", "07012345678", config.ModeAutomation)
		defer mallory.close(t)
		bob := w.phone(t, "10.0.0.3", "01033334444", config.ModePhone)
		defer bob.close(t)
		_, err := bob.Rules().Add(t.Context(), blocklist.Prefix, "+82 70", "test")
		require.NoError(t, err)

		c, err := mallory.Dial(t.Context(), "01033334444", phone.DialOptions{Sink: audio.Discard{}})
		require.NoError(t, err)
		<-c.Done()
		time.Sleep(time.Second)
		assert.Equal(t, 603, c.Outcome().Code)
		assert.Equal(t, "dialing ended", mallory.types("call."), "nothing rang")
		assert.Equal(t, "blocked ended", bob.types("call."))
		assert.Empty(t, bob.types(phone.TypePhoneCall))
		rows, err := bob.Store().History(t.Context(), store.HistoryFilter{})
		require.NoError(t, err)
		require.Len(t, rows, 1)
		assert.Equal(t, store.HistoryBlocked, rows[0].Type)
	})
}

func TestPhone_SecondCallIsBusyAndMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob", "carol")
		defer w.close(t)
		alice := w.phone(t, "10.0.0.2", "alice", config.ModePhone)
		defer alice.close(t)
		bob := w.phone(t, "10.0.0.3", "bob", config.ModePhone)
		defer bob.close(t)
		carol := w.phone(t, "10.0.0.4", "carol", config.ModeAutomation)
		defer carol.close(t)
		_, err := alice.Dial(t.Context(), "bob", phone.DialOptions{})
		require.NoError(t, err)
		time.Sleep(time.Second)
		second, err := carol.Dial(t.Context(), "bob", phone.DialOptions{})
		require.NoError(t, err)
		<-second.Done()
		assert.Equal(t, 486, second.Outcome().Code)
		time.Sleep(time.Second)
		assert.Equal(t, "CallArrived", bob.types(phone.TypePhoneCall), "one call is told of")
		rows, err := bob.Store().History(t.Context(), store.HistoryFilter{Types: []store.HistoryType{store.HistoryMissed}, Number: "carol"})
		require.NoError(t, err)
		assert.Len(t, rows, 1)
	})
}

func TestPhone_AccountsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "alice", "bob")
		defer w.close(t)
		p := w.phone(t, "10.0.0.2", "alice", config.ModePhone)
		defer p.close(t)
		bob := config.Account{ID: "second", Server: "10.0.0.1:5060", User: "bob", Password: "wrong"}
		require.NoError(t, p.AddAccount(bob))
		assert.ErrorContains(t, p.AddAccount(bob), "is there already")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		require.Error(t, p.WaitRegistered(ctx, "second"))
		bob.Password = "pw-bob"
		require.NoError(t, p.UpdateAccount(bob))
		require.NoError(t, p.WaitRegistered(t.Context(), "second"))
		assert.True(t, w.ex.Registered("bob"))
		require.NoError(t, p.RemoveAccount(t.Context(), "second"))
		assert.False(t, w.ex.Registered("bob"))
		assert.ErrorIs(t, p.RemoveAccount(t.Context(), "second"), phone.ErrAccount)
		assert.Len(t, p.Accounts(), 1)
	})
}

func TestOpen_PortInUse(t *testing.T) {
	n := memnet.New(1, memnet.Link{})
	defer n.Close()
	host := n.Host(netip.MustParseAddr("10.0.0.2"))
	file := config.Default()
	file.SIP.Listen = []string{"10.0.0.2:5060"}
	cfg := phone.Config{File: file, StorePath: phone.Memory, Network: sip.Network{ListenPacket: host.ListenPacket, Listen: host.Listen}}
	first, err := phone.Open(t.Context(), cfg)
	require.NoError(t, err)
	_, err = phone.Open(t.Context(), cfg)
	assert.ErrorContains(t, err, "10.0.0.2:5060")
	require.NoError(t, first.Close(t.Context()))
}

func TestTarget(t *testing.T) {
	a := sip.Account{Server: "pbx.example.com:5070"}
	for in, want := range map[string]string{
		"600":                  "sip:600@pbx.example.com:5070",
		" 010-1234-5678 ":      "sip:01012345678@pbx.example.com:5070",
		"+82 (10) 1234.5678":   "sip:+821012345678@pbx.example.com:5070",
		"bob":                  "sip:bob@pbx.example.com:5070",
		"bob@example.org":      "sip:bob@example.org",
		"sip:bob@192.0.2.1":    "sip:bob@192.0.2.1",
		"tel:+82-10-1234-5678": "sip:+821012345678@pbx.example.com:5070",
	} {
		u, err := phone.Target(in, a)
		require.NoError(t, err, in)
		assert.Equal(t, want, u.String(), in)
	}
	u, err := phone.Target("600", sip.Account{Server: "2001:db8::1"})
	require.NoError(t, err)
	assert.Equal(t, "sip:600@[2001:db8::1]", u.String())
	for _, bad := range []string{"", "  ", "a b\r\nX: y", "sip:", "<x>"} {
		_, err := phone.Target(bad, a)
		assert.Error(t, err, bad)
	}
	_, err = phone.Target("600", sip.Account{})
	assert.ErrorContains(t, err, "has no host")
}
