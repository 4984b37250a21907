package media

import (
	"sync"

	"github.com/softphone-go/softphone/media/jitter"
)

// playoutEvery is how many ticks lie between two looks at the playout buffer's
// statistics, which cost more than the rest.
const playoutEvery = 10

// snapshot is the Stats that other goroutines see. The tick only tries the lock:
// should a reader hold it, the next tick publishes.
type snapshot struct {
	mu      sync.Mutex
	stats   Stats
	playout jitter.Stats
	figures figures
	wait    int // ticks until the playout buffer is asked again; the tick's own
}

// publish shows the state after a tick.
func (s *Session) publish() {
	p := &s.snapshot
	if !p.mu.TryLock() {
		return
	}
	defer p.mu.Unlock()
	if p.wait--; p.wait < 0 {
		p.wait = playoutEvery - 1
		p.playout = s.playout.Stats()
		s.figure(&p.figures)
	}
	s.collect(&p.stats)
}

// publishFinal shows the state as it stays.
func (s *Session) publishFinal() {
	s.settings.ended.Store(true)
	p := &s.snapshot
	p.mu.Lock()
	defer p.mu.Unlock()
	p.playout = s.playout.Stats()
	s.figure(&p.figures)
	s.collect(&p.stats)
}

// collect fills in what only the tick may read, except playout.
func (s *Session) collect(to *Stats) {
	*to = s.count
	to.PacketsLost = s.reception.lostEver()
	to.Jitter = s.reception.jitterTime()
	to.SSRC = s.sender.ssrc
	to.RemoteSSRC = s.reception.ssrc
	to.Remote = s.latch.target()
	to.Latched = s.latch.learned.IsValid()
	if s.watch.any {
		to.LastReceived = s.epoch.Add(s.watch.last)
	}
}

// Stats returns the statistics as of the last tick, those of playout and quality
// up to 100 ms older. After Close they are final.
func (s *Session) Stats() Stats {
	s.snapshot.mu.Lock()
	st, p, f := s.snapshot.stats, s.snapshot.playout, s.snapshot.figures
	s.snapshot.mu.Unlock()

	st.Overflows = s.overflows + s.rtpIn.dropped() + s.rtcpIn.dropped()
	st.Malformed += s.oversize.Load()
	st.ReadErrors = s.readErrors.Load()
	st.PacketsLate, st.PacketsDuplicate, st.PacketsReordered = p.Late, p.Duplicates, p.Reordered
	st.Concealed, st.Stretched, st.Compressed = p.Concealed, p.Stretched, p.Compressed
	st.PlayoutDelay, st.PlayoutDelay95, st.PlayoutTarget = p.MeanDelay, p.P95Delay, p.Target
	st.judge(&p, &f)
	return st
}
