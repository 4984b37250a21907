package e2e

import (
	"container/heap"
	"encoding/binary"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/replay"
)

// weather delays and drops packets of RTP as a trace says: the packet that is
// the nth by its sequence number has the fate of the trace's nth line. After the
// last line it begins again.
type weather struct {
	trace replay.Trace
	send  func(packet []byte)
	in    chan held
	quit  chan struct{}
	done  chan struct{}

	mu              sync.Mutex
	begun           bool
	first           uint16
	count           int
	passed, dropped int
}

// held is a packet on its way.
type held struct {
	due    time.Time
	order  int
	packet []byte
}

func newWeather(trace replay.Trace, send func([]byte)) *weather {
	w := &weather{trace: trace, send: send, in: make(chan held, 1024), quit: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

func (w *weather) stop() {
	close(w.quit)
	<-w.done
}

// take decides on a packet that has just come.
func (w *weather) take(packet []byte) {
	now := time.Now()
	if len(packet) < 12 {
		return
	}
	sequence := binary.BigEndian.Uint16(packet[2:])
	w.mu.Lock()
	if !w.begun {
		w.begun, w.first = true, sequence
	}
	line := w.trace[int(sequence-w.first)%len(w.trace)]
	w.count++
	h := held{now.Add(line.Arrived - line.Sent), w.count, packet}
	if line.Lost {
		w.dropped++
	} else {
		w.passed++
	}
	w.mu.Unlock()
	if !line.Lost {
		select {
		case w.in <- h:
		case <-w.quit:
		}
	}
}

// figures are the packets that got through, and those that did not.
func (w *weather) figures() (passed, dropped int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.passed, w.dropped
}

// run sends packets when they are due, one after the other.
func (w *weather) run() {
	defer close(w.done)
	var queue queue
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		for len(queue) > 0 && !time.Now().Before(queue[0].due) {
			w.send(heap.Pop(&queue).(held).packet)
		}
		wait := time.Hour
		if len(queue) > 0 {
			wait = time.Until(queue[0].due)
		}
		timer.Reset(wait)
		select {
		case h := <-w.in:
			heap.Push(&queue, h)
		case <-timer.C:
		case <-w.quit:
			return
		}
	}
}

// queue is a heap by when packets are due.
type queue []held

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].order < q[j].order
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(held)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func loadTrace(t testing.TB, name string) replay.Trace {
	t.Helper()
	f, err := os.Open(filepath.Join(root, "testdata", "traces", name+".txt"))
	require.NoError(t, err)
	defer f.Close()
	trace, err := replay.ParseTrace(f)
	require.NoError(t, err)
	return trace
}
