package dialer

import "sync"

// mailbox is the unbounded queue of messages to one loop. Posting never waits,
// so neither the SIP stack nor the media tick can be held up by a call. What
// arrives is bounded where it enters: by the SIP stack's limits on messages
// and by the digits a decoder can tell apart.
type mailbox struct {
	ready chan struct{} // holds one token while the queue is not empty

	mu     sync.Mutex
	queue  []func()
	closed bool
}

func newMailbox() *mailbox {
	return &mailbox{ready: make(chan struct{}, 1)}
}

// post queues f for the loop. False means that the loop has ended and f will
// never run. Safe for any goroutine.
func (m *mailbox) post(f func()) bool {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return false
	}
	m.queue = append(m.queue, f)
	m.mu.Unlock()
	select {
	case m.ready <- struct{}{}:
	default:
	}
	return true
}

// take empties the queue. It returns nil when nothing is there.
func (m *mailbox) take() []func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.queue
	m.queue = nil
	return q
}

// closeIfEmpty closes the mailbox unless messages are waiting, so that none is
// accepted and then lost.
func (m *mailbox) closeIfEmpty() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) > 0 {
		return false
	}
	m.closed = true
	return true
}
