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
}

// Pacer ticks a set of Tickers every 10 ms, on the absolute schedule start + n*10
// ms, spread over workers. Errors of single timers so never add up, and a tick
// that comes late does not make the next ones late.
//
//	schedule   0    10    20    30    40    50
//	worker     0    1     ....stall......4  5      2 and 3 are skipped
//
// All methods may be called from any goroutine, Add and remove also from within a
// Tick.
type Pacer struct {
	log     *slog.Logger
	start   time.Time
	workers []*worker
	late    lateness
	skipped atomic.Uint64

	close  sync.Once
	closed chan struct{}
	done   sync.WaitGroup
}

// worker ticks its share of the Tickers in one goroutine.
type worker struct {
	pacer *Pacer
	id    atomic.Uint64 // of its goroutine
	wake  chan struct{} // there is something to tick
	count atomic.Int64

	entries atomic.Pointer[[]*entry] // replaced, never changed

	mu      sync.Mutex
	idle    sync.Cond // running became nil
	running *entry
}

type entry struct {
	ticker  Ticker
	removed bool // guarded by the worker's mu
}

// NewPacer starts a Pacer. Without Tickers it sleeps.
func NewPacer(cfg PacerConfig) *Pacer {
	n := cfg.Workers
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	p := &Pacer{log: orSilent(cfg.Logger), start: time.Now(), closed: make(chan struct{})}
	for range n {
		w := &worker{pacer: p, wake: make(chan struct{}, 1)}
		w.idle.L = &w.mu
		w.entries.Store(new([]*entry))
		p.workers = append(p.workers, w)
	}
	p.done.Add(n)
	for _, w := range p.workers {
		go w.run()
	}
	return p
}

// Add has t ticked from the next step on, by the worker with the fewest Tickers.
// remove ends that: it waits until a Tick of t that is running is over, except
// when called from within a Tick, and no Tick of t begins after it returned.
// Later calls of remove do nothing. After Close, Add does nothing.
func (p *Pacer) Add(t Ticker) (remove func()) {
	w := p.workers[0]
	for _, o := range p.workers[1:] {
		if o.count.Load() < w.count.Load() {
			w = o
		}
	}
	e := &entry{ticker: t}
	w.add(e)
	return sync.OnceFunc(func() { w.remove(e) })
}

// Close ends all ticking and waits for the workers, except when called from
// within a Tick. It is idempotent and returns nil.
func (p *Pacer) Close() error {
	p.close.Do(func() { close(p.closed) })
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
	entries := append(slices.Clone(*w.entries.Load()), e)
	w.entries.Store(&entries)
	w.count.Add(1)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *worker) remove(e *entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !e.removed {
		e.removed = true
		entries := slices.DeleteFunc(slices.Clone(*w.entries.Load()), func(o *entry) bool { return o == e })
		w.entries.Store(&entries)
		w.count.Add(-1)
	}
	if w.running != e || w.pacer.within() {
		return
	}
	for w.running == e {
		w.idle.Wait()
	}
}

// run ticks at each step until the Pacer is closed.
func (w *worker) run() {
	defer w.pacer.done.Done()
	w.id.Store(goroutineID())
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	next := w.pacer.step() + 1
	for {
		if len(*w.entries.Load()) == 0 {
			select {
			case <-w.wake:
				next = w.pacer.step() + 1
				continue
			case <-w.pacer.closed:
				return
			}
		}
		timer.Reset(time.Until(w.pacer.due(next)))
		select {
		case <-timer.C:
		case <-w.pacer.closed:
			return
		}
		due := w.pacer.due(next)
		if now := w.pacer.step(); now > next {
			w.pacer.skipped.Add(now - next)
			next = now
		}
		for _, e := range *w.entries.Load() {
			w.tick(e, next, due)
		}
		next++
	}
}

// step is the number of the step that began last.
func (p *Pacer) step() uint64 { return uint64(time.Since(p.start) / frameTime) }

// due is when step n begins.
func (p *Pacer) due(n uint64) time.Time { return p.start.Add(time.Duration(n) * frameTime) }

// tick runs Tick n of e, which was due at the given time, unless e was removed. A Ticker that panics is taken
// off, so that the other calls go on.
func (w *worker) tick(e *entry, n uint64, due time.Time) {
	w.mu.Lock()
	if e.removed {
		w.mu.Unlock()
		return
	}
	w.running = e
	w.mu.Unlock()
	w.pacer.late.add(time.Since(due))
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
