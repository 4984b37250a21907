package memnet

import (
	"container/heap"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	reorderHold   = 25 * time.Millisecond  // least extra time a reordered packet is held back
	reorderSpread = 25 * time.Millisecond  // and at most this much more, drawn
	resendDelay   = 200 * time.Millisecond // what a lost segment costs a stream
	firstPort     = 49152                  // RFC 6335 §6: dynamic ports
)

// Link shapes one direction between two hosts. The zero value is a perfect
// link. Probabilities are 0 to 1, each drawn for itself.
//
// Delay is the one-way delay; Jitter adds a uniformly drawn 0 to Jitter.
// Neither changes the order of a flow: a packet waits for the one before it.
// Reorder is the share of packets held back 25 to 50 ms so that those behind
// overtake them. On streams Duplicate and Reorder do nothing and Loss costs
// 200 ms, as a retransmission would.
type Link struct {
	Delay, Jitter            time.Duration
	Loss, Duplicate, Reorder float64
}

// Network joins hosts. All methods may be called from any goroutine.
type Network struct {
	seed   uint64
	filter atomic.Pointer[func(from, to netip.AddrPort, p []byte) bool]

	done    chan struct{} // closed by Close
	running sync.Mutex    // held while due events are fired, so that they keep their order

	mu      sync.Mutex
	closed  bool
	link    Link
	links   map[route]Link
	cut     map[netip.Addr]bool
	nats    []*NAT
	hosts   map[netip.Addr]*Host
	primary *Host
	flows   map[flowKey]*flow
	queue   eventQueue
	stalled []*event // stream segments waiting for a cut to heal
	seq     uint64
	timer   *time.Timer
	armed   time.Time
	spare   []*event
	open    map[closer]struct{}
}

type closer interface{ shut() }

type route struct{ from, to netip.Addr }

type flowKey struct {
	stream   bool
	from, to netip.AddrPort
}

// flow is what one direction between two address-ports remembers.
type flow struct {
	rng  *rand.Rand
	last time.Time // when the latest packet in order arrives
}

// New returns a network on which every direction behaves as link until SetLink
// says otherwise. Close it when done.
func New(seed uint64, link Link) *Network {
	n := &Network{
		seed:  seed,
		done:  make(chan struct{}),
		link:  link,
		links: make(map[route]Link),
		cut:   make(map[netip.Addr]bool),
		hosts: make(map[netip.Addr]*Host),
		flows: make(map[flowKey]*flow),
		open:  make(map[closer]struct{}),
	}
	n.primary = n.Host(netip.AddrFrom4([4]byte{10, 0, 0, 1}), netip.MustParseAddr("fd00::1"))
	return n
}

// SetLink shapes the direction from one address to another, from the next
// packet on. The zero netip.Addr stands for any address; the most exact entry
// wins (both named, then from, then to, then the network's own link).
func (n *Network) SetLink(from, to netip.Addr, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links[route{from.Unmap(), to.Unmap()}] = l
}

// Cut takes a host's address off the network or puts it back. While cut, its
// packets vanish in both directions, dialling it gets no reply, and its streams
// stall: they go on, complete, once the cut is healed.
func (n *Network) Cut(addr netip.Addr, cut bool) {
	n.mu.Lock()
	if cut {
		n.cut[addr.Unmap()] = true
		n.mu.Unlock()
		return
	}
	delete(n.cut, addr.Unmap())
	held := n.stalled
	n.stalled = nil
	for _, e := range held {
		heap.Push(&n.queue, e) // keeps its time and number, hence its place
	}
	n.mu.Unlock()
	n.drain()
}

// Filter installs a hook that sees every packet and stream segment as it is
// sent and drops it by returning true (a dropped segment of a stream is gone
// for good, which no real stream does). The hook may change p in place, runs on
// the sender's goroutine and must be safe for concurrent use. nil removes it.
func (n *Network) Filter(f func(from, to netip.AddrPort, p []byte) (drop bool)) {
	if f == nil {
		n.filter.Store(nil)
		return
	}
	n.filter.Store(&f)
}

// Close closes every socket and stream and forgets what was under way. It is
// idempotent.
func (n *Network) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	close(n.done)
	open := make([]closer, 0, len(n.open))
	for c := range n.open {
		open = append(open, c)
	}
	n.queue, n.stalled = nil, nil
	if n.timer != nil {
		n.timer.Stop()
	}
	n.mu.Unlock()
	for _, c := range open {
		c.shut()
	}
	n.mu.Lock()
	n.queue = nil // closing sent FINs
	n.mu.Unlock()
	return nil
}

func (n *Network) linkFor(from, to netip.Addr) Link {
	for _, r := range [...]route{{from, to}, {from: from}, {to: to}} {
		if l, ok := n.links[r]; ok {
			return l
		}
	}
	return n.link
}

func (n *Network) severed(from, to netip.Addr) bool {
	return len(n.cut) > 0 && (n.cut[from] || n.cut[to])
}

func (n *Network) flow(stream bool, from, to netip.AddrPort) *flow {
	k := flowKey{stream, from, to}
	if f, ok := n.flows[k]; ok {
		return f
	}
	f := &flow{rng: rand.New(rand.NewPCG(n.seed^hash(from), hash(to)))}
	n.flows[k] = f
	return f
}

func hash(a netip.AddrPort) uint64 {
	h := fnv.New64a()
	b, _ := a.MarshalBinary() // never fails
	_, _ = h.Write(b)
	return h.Sum64()
}

// transit draws how long one packet travels and whether it is held back.
// The caller holds n.mu.
func (f *flow) transit(l Link) (d time.Duration, late bool) {
	d = l.Delay
	if l.Jitter > 0 {
		d += time.Duration(f.rng.Int64N(int64(l.Jitter) + 1))
	}
	if l.Reorder > 0 && f.rng.Float64() < l.Reorder {
		return d + reorderHold + time.Duration(f.rng.Int64N(int64(reorderSpread))), true
	}
	return d, false
}

// arrival turns a travel time into an instant not before the flow's last one.
func (f *flow) arrival(d time.Duration, late bool) time.Time {
	at := time.Now().Add(d)
	if late {
		return at
	}
	if at.Before(f.last) {
		at = f.last
	}
	f.last = at
	return at
}
