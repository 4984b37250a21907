package memnet

import (
	"container/heap"
	"net/netip"
	"time"
)

type kind int

const (
	packetArrives  kind = iota + 1
	segmentArrives      // stream data
	finArrives          // the peer has closed its side
	synArrives          // a dial reaches the listener's host
	replyArrives        // its answer reaches the dialler
)

// event is something that happens at the far end later.
type event struct {
	at       time.Time
	seq      uint64
	kind     kind
	host     *Host // where it happens
	from, to netip.AddrPort
	data     []byte
	pipe     *pipe
	dial     *dial
}

// newEvent takes an event from the spare ones. The caller holds n.mu.
func (n *Network) newEvent(k kind, from, to netip.AddrPort) *event {
	var e *event
	if last := len(n.spare) - 1; last >= 0 {
		e = n.spare[last]
		n.spare = n.spare[:last]
	} else {
		e = &event{data: make([]byte, 0, 2048)}
	}
	n.seq++
	*e = event{seq: n.seq, kind: k, from: from, to: to, data: e.data[:0]}
	return e
}

func (n *Network) recycle(e *event) {
	e.pipe, e.dial, e.host = nil, nil, nil
	n.mu.Lock()
	if len(n.spare) < 1024 {
		n.spare = append(n.spare, e)
	}
	n.mu.Unlock()
}

// push queues e. The caller holds n.mu and calls drain after releasing it.
func (n *Network) push(e *event) {
	if !n.closed {
		heap.Push(&n.queue, e)
	}
}

// drain fires what is due, in order, and arms the timer for the rest.
func (n *Network) drain() {
	n.running.Lock()
	defer n.running.Unlock()
	for {
		e := n.due()
		if e == nil {
			return
		}
		n.fire(e)
	}
}

// due pops the next event whose time has come, or arms the timer and returns nil.
func (n *Network) due() *event {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.queue) > 0 && !n.closed {
		e := n.queue[0]
		wait := time.Until(e.at)
		if wait > 0 {
			n.arm(e.at, wait)
			return nil
		}
		heap.Pop(&n.queue)
		if !n.severed(e.from.Addr(), e.to.Addr()) {
			return e
		}
		if e.kind != packetArrives { // streams and dials resume, packets vanish
			n.stalled = append(n.stalled, e)
		}
	}
	return nil
}

func (n *Network) arm(at time.Time, wait time.Duration) {
	switch {
	case n.timer == nil:
		n.timer = time.AfterFunc(wait, n.drain)
	case n.armed.Equal(at):
		return
	default:
		n.timer.Reset(wait)
	}
	n.armed = at
}

// fire lets e happen; n.running is held, n.mu is not.
func (n *Network) fire(e *event) {
	switch e.kind {
	case packetArrives:
		if c := e.host.packetConnFor(e.to); c != nil && c.deliver(e) {
			return // the socket recycles it once read
		}
	case segmentArrives:
		e.pipe.deliver(e.data)
	case finArrives:
		e.pipe.finish()
	case synArrives:
		e.dial.arrive(e.host)
	case replyArrives:
		close(e.dial.done)
	}
	n.recycle(e)
}

// eventQueue is a heap by time, then by the order of sending.
type eventQueue []*event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].seq < q[j].seq
	}
	return q[i].at.Before(q[j].at)
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(*event)) }
func (q *eventQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return e
}
