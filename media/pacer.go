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
// The Tickers are spread over lanes, whose ticks come a little after each other,
// so that many calls do not send all at once. Few Tickers share one lane: to wake
// is what costs most then. A worker that is free takes the lane that is due
// first, whichever it is, so that a thread that the system holds up delays no
// more than one.
//
// One worker at a time leads: it waits for the alarm. When there is much to do it
// hands the lead on before it begins a lane. All alarms come from one timer: with
// one for each worker, the thread that polls for them would come back with one
// worker and run it, and nobody would poll meanwhile, although a core is idle; a
// goroutine that is made ready by another one is given a thread.
//
// All methods may be called from any goroutine, Add and remove also from within a
// Tick.
type Pacer struct {
	log     *slog.Logger
	start   time.Time
	alarm   alarm
	lead    chan struct{}   // holds a token when nobody leads
	workers []atomic.Uint64 // ids of their goroutines
	lanes   []*lane
	late    lateness
	skipped atomic.Uint64

	mu      sync.Mutex // taken before a lane's
	stopped bool
	closed  chan struct{}
	left    atomic.Int64 // workers that run

	close sync.Once
	done  sync.WaitGroup
}

const (
	laneSteps = 5
	laneStep  = frameTime / laneSteps

	// laneFill is how many Tickers a lane takes before the next one is opened.
	// They are worked off in about 0.2 ms.
	laneFill = 32

	// handOver is how many Tickers make it worth waking a second worker.
	handOver = 2 * laneFill
)

// lane is the Tickers that are ticked in one go.
type lane struct {
	offset  time.Duration            // of its steps, to those of the Pacer
	entries atomic.Pointer[[]*entry] // replaced, never changed
	count   atomic.Int64
	next    uint64 // step; guarded by the Pacer's mu
	busy    bool   // a worker has it; guarded by the Pacer's mu

	mu      sync.Mutex
	idle    sync.Cond // running became nil
	running *entry
}

type entry struct {
	ticker  Ticker
	lane    *lane
	removed bool // guarded by the lane's mu
}

// NewPacer starts a Pacer. Without Tickers it sleeps.
func NewPacer(cfg PacerConfig) *Pacer {
	n := cfg.Workers
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	p := &Pacer{
		log: orSilent(cfg.Logger), start: time.Now(),
		lead: make(chan struct{}, 1), closed: make(chan struct{}),
		workers: make([]atomic.Uint64, n),
	}
	p.alarm = p.newAlarm(cfg.KernelTimer)
	for k := range laneSteps {
		for range n {
			l := &lane{offset: time.Duration(k) * laneStep}
			l.idle.L = &l.mu
			l.entries.Store(new([]*entry))
			p.lanes = append(p.lanes, l)
		}
	}
	p.lead <- struct{}{}
	p.left.Store(int64(n))
	for i := range n {
		p.done.Go(func() { p.run(&p.workers[i]) })
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
	e := &entry{ticker: t, lane: p.choose()}
	p.add(e)
	return sync.OnceFunc(func() { p.remove(e) })
}

// choose returns the first lane that is not full; if all are, the one with the
// fewest Tickers.
func (p *Pacer) choose() (fewest *lane) {
	for _, l := range p.lanes {
		n := l.count.Load()
		if n < laneFill {
			return l
		}
		if fewest == nil || n < fewest.count.Load() {
			fewest = l
		}
	}
	return fewest
}

// Close ends all ticking and waits for the workers, except when called from
// within a Tick. It is idempotent and returns nil.
func (p *Pacer) Close() error {
	p.close.Do(func() {
		p.mu.Lock()
		p.stopped = true
		p.mu.Unlock()
		close(p.closed)
		p.alarm.stop()
	})
	if !p.within() {
		p.done.Wait()
	}
	return nil
}

// within says whether the caller is one of the workers, that is, runs in a Tick.
func (p *Pacer) within() bool {
	id := goroutineID()
	for i := range p.workers {
		if id != 0 && p.workers[i].Load() == id {
			return true
		}
	}
	return false
}

func (p *Pacer) add(e *entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := e.lane
	l.mu.Lock()
	before := *l.entries.Load()
	entries := append(slices.Clone(before), e)
	l.entries.Store(&entries)
	l.count.Add(1)
	l.mu.Unlock()
	if p.stopped || len(before) > 0 {
		return
	}
	l.next = p.step(l) + 1
	p.arm()
}

func (p *Pacer) remove(e *entry) {
	l := e.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	if !e.removed {
		e.removed = true
		entries := slices.DeleteFunc(slices.Clone(*l.entries.Load()), func(o *entry) bool { return o == e })
		l.entries.Store(&entries)
		l.count.Add(-1)
	}
	if l.running != e || p.within() {
		return
	}
	for l.running == e {
		l.idle.Wait()
	}
}

// run ticks until the Pacer is closed.
func (p *Pacer) run(id *atomic.Uint64) {
	id.Store(goroutineID())
	defer func() {
		if p.left.Add(-1) == 0 {
			p.alarm.close()
		}
	}()
	leads := false
	for {
		if !leads {
			select {
			case <-p.lead:
			case <-p.closed:
				return
			}
		}
		l, n, due := p.wait()
		if leads = l != nil && !p.crowded(); !leads {
			p.lead <- struct{}{}
		}
		for l != nil {
			for _, e := range *l.entries.Load() {
				p.tick(e, n, due)
			}
			l, n, due = p.after(l)
		}
	}
}

// crowded says whether one worker may be too few.
func (p *Pacer) crowded() bool {
	n := int64(0)
	for _, l := range p.lanes {
		n += l.count.Load()
	}
	return n > handOver
}

// wait returns the lane that is due next when its time has come; nil: the Pacer
// is closed. Only the leader calls it.
func (p *Pacer) wait() (l *lane, n uint64, at time.Duration) {
	for {
		p.mu.Lock()
		stopped := p.stopped
		l, n, at = p.due()
		if l == nil {
			p.arm()
		}
		p.mu.Unlock()
		if l != nil || stopped {
			return l, n, at
		}
		p.alarm.wait()
	}
}

// after gives a lane back and returns another one that is due, if any.
func (p *Pacer) after(l *lane) (next *lane, n uint64, at time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.busy = false
	next, n, at = p.due()
	if next == nil {
		p.arm() // the lane given back may come before those that the leader saw
	}
	return next, n, at
}

// earliest is the lane whose next step comes first, of those that have Tickers
// and no worker. mu is held.
func (p *Pacer) earliest() (first *lane) {
	for _, l := range p.lanes {
		if !l.busy && l.count.Load() > 0 && (first == nil || l.due(l.next) < first.due(first.next)) {
			first = l
		}
	}
	return first
}

// due takes the earliest lane's step if its time has come. Steps that are over
// are left out. mu is held.
func (p *Pacer) due() (l *lane, n uint64, at time.Duration) {
	l = p.earliest()
	if l == nil || p.stopped || l.due(l.next) > time.Since(p.start) {
		return nil, 0, 0
	}
	n, at = l.next, l.due(l.next)
	if now := p.step(l); now > n {
		p.skipped.Add(now - n)
		n = now
	}
	l.next = n + 1
	l.busy = true
	return l, n, at
}

// arm sets the alarm for the earliest lane. mu is held.
func (p *Pacer) arm() {
	if p.stopped {
		return
	}
	if l := p.earliest(); l != nil {
		p.alarm.set(l.due(l.next))
	} else {
		p.alarm.off()
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
func (p *Pacer) tick(e *entry, n uint64, due time.Duration) {
	l := e.lane
	l.mu.Lock()
	if e.removed {
		l.mu.Unlock()
		return
	}
	l.running = e
	l.mu.Unlock()
	p.late.add(time.Since(p.start) - due)
	defer p.ticked(e)
	e.ticker.Tick(n)
}

func (p *Pacer) ticked(e *entry) {
	failure := recover()
	l := e.lane
	l.mu.Lock()
	l.running = nil
	l.idle.Broadcast()
	l.mu.Unlock()
	if failure != nil {
		p.log.Error("a tick failed: the call's media stops, please report this",
			"error", fmt.Sprint(failure), "stack", string(debug.Stack()))
		p.remove(e)
	}
}
