package sip

import "sync"

// maxQueued bounds events kept for a dialog whose handler is not set; INFO is
// dropped beyond it, the others are few by nature.
const maxQueued = 256

// dialogEvents delivers events in order, from one goroutine at a time.
type dialogEvents struct {
	mu      sync.Mutex
	handler func(DialogEvent)
	queue   []DialogEvent
	busy    bool
}

func (q *dialogEvents) post(ev DialogEvent) {
	q.mu.Lock()
	if _, info := ev.(InfoReceived); info && len(q.queue) >= maxQueued {
		q.mu.Unlock()
		return
	}
	q.queue = append(q.queue, ev)
	q.mu.Unlock()
	q.drain()
}

func (q *dialogEvents) handle(f func(DialogEvent)) {
	q.mu.Lock()
	q.handler = f
	q.mu.Unlock()
	q.drain()
}

// drain runs the handler unless another goroutine already does, which then
// takes our event too.
func (q *dialogEvents) drain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy {
		return
	}
	q.busy = true
	for q.handler != nil && len(q.queue) > 0 {
		ev, f := q.queue[0], q.handler
		q.queue = q.queue[1:]
		q.mu.Unlock()
		f(ev)
		q.mu.Lock()
	}
	q.busy = false
}
