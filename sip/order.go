package sip

import (
	"slices"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// sipgo handles each message in a goroutine of its own, so that of two that
// arrive in one burst the second is often taken first: a 200 would overtake
// the 183 before it, a BYE the ACK. What is noted here, in the reader and so
// in the order of arrival, puts them back in order:
//
//	reader   arrived: responses to INVITE -> inbox, requests of a dialog -> turns, ACK handled
//	sipgo       `-> goroutine -> transaction -> inviteTx.run reads the inbox
//	                                         -> dispatch waits for its turn

const (
	maxInbox = 512         // responses to one INVITE that wait to be read
	maxTurns = 64          // requests of one dialog that are kept in order
	turnWait = time.Second // longer than any handler takes; then the one before is given up
)

// inboxes are the INVITE transactions that wait for a response, by branch.
type inboxes struct {
	mu sync.Mutex
	m  map[string]*inbox
}

// inbox is what came for one INVITE, in order.
type inbox struct {
	ready chan struct{} // holds one token while there is something

	mu    sync.Mutex
	queue []*sipmsg.Response
}

func newInboxes() *inboxes { return &inboxes{m: make(map[string]*inbox)} }

func (b *inboxes) open(branch string) *inbox {
	in := &inbox{ready: make(chan struct{}, 1)}
	b.mu.Lock()
	b.m[branch] = in
	b.mu.Unlock()
	return in
}

func (b *inboxes) close(branch string) {
	b.mu.Lock()
	delete(b.m, branch)
	b.mu.Unlock()
}

// deliver notes a response to an INVITE.
func (b *inboxes) deliver(res *sipmsg.Response) {
	if res.CSeq().MethodName != sipmsg.INVITE {
		return
	}
	b.mu.Lock()
	in := b.m[branchOf(res)]
	b.mu.Unlock()
	if in != nil {
		in.put(res)
	}
}

// put drops provisional responses that nobody reads in time.
func (in *inbox) put(res *sipmsg.Response) {
	in.mu.Lock()
	if len(in.queue) < maxInbox || !res.IsProvisional() && len(in.queue) < 2*maxInbox {
		in.queue = append(in.queue, res)
	}
	in.mu.Unlock()
	in.wake()
}

func (in *inbox) wake() {
	select {
	case in.ready <- struct{}{}:
	default:
	}
}

// take returns the oldest, nil when there is none.
func (in *inbox) take() *sipmsg.Response {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.queue) == 0 {
		return nil
	}
	res := in.queue[0]
	in.queue = in.queue[1:]
	if len(in.queue) > 0 {
		in.wake()
	}
	return res
}

// turns are the requests of a dialog that have arrived and are not handled yet.
type turns struct {
	mu     sync.Mutex
	queue  []*turn
	newest uint32 // highest CSeq number that arrived
}

type turn struct {
	req  *sipmsg.Request
	mine chan struct{} // closed when it is first
}

// arrive gives a request its turn. Those with a number that came before are
// repetitions, which the transaction layer keeps from us, or out of order.
func (t *turns) arrive(req *sipmsg.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if seq := req.CSeq().SeqNo; seq <= t.newest || len(t.queue) >= maxTurns {
		return
	} else {
		t.newest = seq
	}
	t.queue = append(t.queue, &turn{req: req, mine: make(chan struct{})})
	t.first()
}

func (t *turns) first() {
	if len(t.queue) == 0 {
		return
	}
	select {
	case <-t.queue[0].mine:
	default:
		close(t.queue[0].mine)
	}
}

// await waits until all that arrived before req is handled. The returned
// function ends its turn.
func (t *turns) await(req *sipmsg.Request, closing <-chan struct{}) (done func()) {
	t.mu.Lock()
	i := slices.IndexFunc(t.queue, func(n *turn) bool { return n.req == req })
	if i < 0 {
		t.mu.Unlock()
		return func() {}
	}
	n := t.queue[i]
	t.mu.Unlock()
	limit := time.NewTimer(turnWait)
	defer limit.Stop()
	select {
	case <-n.mine:
	case <-limit.C: // the transaction layer never handed on the one before
	case <-closing:
	}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if i := slices.Index(t.queue, n); i >= 0 {
			t.queue = t.queue[i+1:]
		}
		t.first()
	}
}

// noteRequest keeps the requests of a dialog in order, before the transaction
// layer sees them. The ACK of a 2xx makes no transaction and is handled at once.
func (ua *UserAgent) noteRequest(req *sipmsg.Request) {
	tag := tagOf(req.To().Params)
	if tag == "" || req.Method == sipmsg.CANCEL {
		return
	}
	d := ua.findDialog(req.CallID().Value(), tag, tagOf(req.From().Params))
	switch {
	case d == nil:
	case req.Method == sipmsg.ACK:
		d.onAck(req)
	default:
		d.turns.arrive(req)
	}
}
