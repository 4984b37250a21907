package media

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Ticker is what a Pacer drives.
type Ticker interface {
	// Tick is one step of 10 ms. n counts the steps since the Pacer began;
	// after a stall it goes on with the time, leaving numbers out.
	Tick(n uint64)
}

// PacerConfig sets up a Pacer.
type PacerConfig struct {
	Workers int          // goroutines that tick; 0: runtime.GOMAXPROCS
	Logger  *slog.Logger // nil: silent

	// KernelTimer has the workers woken by the operating system's timer where
	// that costs less than the runtime's does (Linux). Not for a synctest
	// bubble, which knows only the runtime's.
	KernelTimer bool
}

// Pacer ticks a set of Tickers every 10 ms, on the absolute schedule start + n*10
// ms. Errors of single timers so never add up, and a tick that comes late does
// not make the next ones late.
//
//	schedule   0    10    20    30    40    50
//	worker     0    1     ....stall......4  5      2 and 3 are skipped
//
// The Tickers are spread over workers, and those of one worker over lanes, whose
// ticks come a little after each other, so that many calls do not send all at
// once. Few Tickers share one lane: to wake is what costs most then.
//
// All methods may be called from any goroutine, Add and remove also from within a
// Tick.
type Pacer struct {
	log     *slog.Logger
	start   time.Time
	workers []*worker
	late    lateness
	skipped atomic.Uint64

	close sync.Once
	done  sync.WaitGroup
}

const (
	lanes    = 5
	laneStep = frameTime / lanes

	// laneFill is how many Tickers a lane takes before the next one is opened.
	// They are worked off in about 0.2 ms.
	laneFill = 32
)

// worker ticks its share of the Tickers in one goroutine.
type worker struct {
	pacer *Pacer
	id    atomic.Uint64 // of its goroutine
	alarm alarm
	lanes [lanes]lane

	mu      sync.Mutex
	idle    sync.Cond // running became nil
	running *entry
	stopped bool
}

// lane is the Tickers that a worker ticks in one go.
type lane struct {
	offset  time.Duration            // of its steps, to those of the Pacer
	entries atomic.Pointer[[]*entry] // replaced, never changed
	count   atomic.Int64
	next    uint64 // step; guarded by the worker's mu
}

type entry struct {
	ticker  Ticker
	lane    *lane
	removed bool // guarded by the worker's mu
}

// NewPacer starts a Pacer. Without Tickers it sleeps.
func NewPacer(cfg PacerConfig) *Pacer {
	n := cfg.Workers
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	p := &Pacer{log: orSilent(cfg.Logger), start: time.Now()}
	for i := range n {
		w := &worker{pacer: p, alarm: p.newAlarm(cfg.KernelTimer)}
		w.idle.L = &w.mu
		for k := range w.lanes {
			l := &w.lanes[k]
			l.offset = time.Duration(k)*laneStep + laneStep*time.Duration(i)/time.Duration(n)
			l.entries.Store(new([]*entry))
		}
		p.workers = append(p.workers, w)
	}
	p.done.Add(n)
	for _, w := range p.workers {
		go w.run()
	}
	return p
}

func (p *Pacer) newAlarm(kernel bool) alarm {
	if kernel {
		a, err := newKernelAlarm(p.start)
		if err == nil {
			return a
		}
		p.log.Debug("calls are paced by the runtime's timers", "reason", err)
	}
	return newTimerAlarm(p.start)
}

// Add has t ticked from the next step on. remove ends that: it waits until a Tick
// of t that is running is over, except when called from within a Tick, and no
// Tick of t begins after it returned. Later calls of remove do nothing. After
// Close, Add does nothing.
func (p *Pacer) Add(t Ticker) (remove func()) {
	w, l := p.choose()
	e := &entry{ticker: t, lane: l}
	w.add(e)
	return sync.OnceFunc(func() { w.remove(e) })
}

// choose returns the first lane that is not full, those of all workers before any
// second ones; if all are, the one with the fewest Tickers.
func (p *Pacer) choose() (w *worker, l *lane) {
	for k := range lanes {
		for _, o := range p.workers {
			c := &o.lanes[k]
			n := c.count.Load()
			if n < laneFill {
				return o, c
			}
			if l == nil || n < l.count.Load() {
				w, l = o, c
			}
		}
	}
	return w, l
}

// Close ends all ticking and waits for the workers, except when called from
// within a Tick. It is idempotent and returns nil.
func (p *Pacer) Close() error {
	p.close.Do(func() {
		for _, w := range p.workers {
			w.mu.Lock()
			w.stopped = true
			w.alarm.stop()
			w.mu.Unlock()
		}
	})
	if !p.within() {
		p.done.Wait()
	}
	return nil
}

// within says whether the caller is one of the workers, that is, runs in a Tick.
func (p *Pacer) within() bool {
	id := goroutineID()
	return id != 0 && slices.ContainsFunc(p.workers, func(w *worker) bool { return w.id.Load() == id })
}

func (w *worker) add(e *entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := e.lane
	before := *l.entries.Load()
	entries := append(slices.Clone(before), e)
	l.entries.Store(&entries)
	l.count.Add(1)
	if w.stopped || len(before) > 0 {
		return
	}
	l.next = w.pacer.step(l) + 1
	if w.running == nil { // else the worker looks for itself when it is through
		w.arm()
	}
}

func (w *worker) remove(e *entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !e.removed {
		e.removed = true
		l := e.lane
		entries := slices.DeleteFunc(slices.Clone(*l.entries.Load()), func(o *entry) bool { return o == e })
		l.entries.Store(&entries)
		l.count.Add(-1)
	}
	if w.running != e || w.pacer.within() {
		return
	}
	for w.running == e {
		w.idle.Wait()
	}
}

// run ticks until the Pacer is closed.
func (w *worker) run() {
	defer w.pacer.done.Done()
	w.id.Store(goroutineID())
	w.alarm.run(w.turn)
}

// turn ticks what is due, and sets the alarm for what is next.
func (w *worker) turn() {
	for {
		w.mu.Lock()
		l, n, due := w.due()
		if l == nil {
			w.arm()
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
		for _, e := range *l.entries.Load() {
			w.tick(e, n, due)
		}
	}
}

// earliest is the lane whose next step comes first; nil: none has Tickers. The
// worker's mu is held.
func (w *worker) earliest() (first *lane) {
	for k := range w.lanes {
		l := &w.lanes[k]
		if len(*l.entries.Load()) > 0 && (first == nil || l.due(l.next) < first.due(first.next)) {
			first = l
		}
	}
	return first
}

// due takes the earliest lane's step if its time has come. Steps that are over
// are left out. The worker's mu is held.
func (w *worker) due() (l *lane, n uint64, at time.Duration) {
	l = w.earliest()
	if l == nil || w.stopped || l.due(l.next) > time.Since(w.pacer.start) {
		return nil, 0, 0
	}
	n, at = l.next, l.due(l.next)
	if now := w.pacer.step(l); now > n {
		w.pacer.skipped.Add(now - n)
		n = now
	}
	l.next = n + 1
	return l, n, at
}

// arm sets the alarm for the earliest lane. The worker's mu is held.
func (w *worker) arm() {
	if w.stopped {
		return
	}
	if l := w.earliest(); l != nil {
		w.alarm.set(l.due(l.next))
	} else {
		w.alarm.off()
	}
}

// due is when step n of the lane begins, since the Pacer's start.
func (l *lane) due(n uint64) time.Duration { return time.Duration(n)*frameTime + l.offset }

// step is the number of the lane's step that began last.
func (p *Pacer) step(l *lane) uint64 {
	return uint64(max(0, time.Since(p.start)-l.offset) / frameTime)
}

// tick runs Tick n of e, which was due at the given time, unless e was removed. A Ticker that panics is taken
// off, so that the other calls go on.
func (w *worker) tick(e *entry, n uint64, due time.Duration) {
	w.mu.Lock()
	if e.removed {
		w.mu.Unlock()
		return
	}
	w.running = e
	w.mu.Unlock()
	w.pacer.late.add(time.Since(w.pacer.start) - due)
	defer w.ticked(e)
	e.ticker.Tick(n)
}

func (w *worker) ticked(e *entry) {
	failure := recover()
	w.mu.Lock()
	w.running = nil
	w.idle.Broadcast()
	w.mu.Unlock()
	if failure != nil {
		w.pacer.log.Error("a tick failed: the call's media stops, please report this",
			"error", fmt.Sprint(failure), "stack", string(debug.Stack()))
		w.remove(e)
	}
}
