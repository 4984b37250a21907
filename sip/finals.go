package sip

import (
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"
)

// finals answers repeated non-2xx finals to our INVITEs over UDP with the same
// ACK again (RFC 3261 §17.1.1.2), in the reader and without telling sipgo:
// its transaction would wait 4 s for each, holding its lock.
type finals struct {
	mu sync.Mutex
	m  map[string]*finalState // by branch, while the transaction lives
}

type finalState struct {
	seen bool
	ack  []byte
	path *udpPath
}

func newFinals() *finals { return &finals{m: make(map[string]*finalState)} }

// expect starts to follow an INVITE transaction.
func (f *finals) expect(branch string) {
	f.mu.Lock()
	f.m[branch] = &finalState{}
	f.mu.Unlock()
}

func (f *finals) forget(branch string) {
	f.mu.Lock()
	delete(f.m, branch)
	f.mu.Unlock()
}

// acked keeps the ACK that sipgo sends.
func (f *finals) acked(branch string, data []byte, p *udpPath) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.m[branch]; s != nil {
		s.ack, s.path = data, p
	}
}

// repeated handles a response that has come before: true means that sipgo must
// not see it.
func (f *finals) repeated(m sipmsg.Message) bool {
	res, ok := m.(*sipmsg.Response)
	if !ok || res.StatusCode < 300 || res.CSeq().MethodName != sipmsg.INVITE {
		return false
	}
	f.mu.Lock()
	s := f.m[branchOf(res)]
	if s == nil || !s.seen {
		if s != nil {
			s.seen = true
		}
		f.mu.Unlock()
		return false
	}
	ack, path := s.ack, s.path
	f.mu.Unlock()
	if ack != nil {
		if err := path.conn.send(ack, path.dest); err != nil {
			path.conn.ua.log.Debug("sip: repeating an ACK failed", "to", path.dest, "err", err)
		}
	}
	return true
}

func branchOf(m sipmsg.Message) string {
	b, _ := m.Via().Params.Get("branch")
	return b
}
