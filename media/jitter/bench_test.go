package jitter

import (
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/jitterbuffer"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/assert"
)

// steady feeds a Playout 20 ms at a time without allocating.
type steady struct {
	p       *Playout
	h       Header
	payload []byte
	now     time.Duration
	n       int
	dst     [FrameSize]int16
}

func newSteady() *steady {
	s := newSender()
	return &steady{p: newPlayout(Config{}), h: s.header(ptPCMU), payload: s.next(0).payload}
}

func (s *steady) step(lose func(n int) bool) {
	if !lose(s.n) {
		s.p.Put(s.h, s.payload, s.now)
	}
	s.n++
	s.h.SequenceNumber++
	s.h.Timestamp += 160
	s.p.Get(s.dst[:], s.now)
	s.p.Get(s.dst[:], s.now+10*ms)
	s.now += 20 * ms
}

func never(int) bool        { return false }
func everyTenth(n int) bool { return n%10 == 3 || n%100 == 4 || n%100 == 5 }

func TestAllocations(t *testing.T) {
	for name, lose := range map[string]func(int) bool{"no loss": never, "loss": everyTenth} {
		s := newSteady()
		assert.Zero(t, testing.AllocsPerRun(2000, func() { s.step(lose) }), name)
	}
	s := newSteady()
	assert.Zero(t, testing.AllocsPerRun(2000, func() {
		s.now += 5 * time.Microsecond // drift: time scaling
		if s.n%50 == 7 {
			s.h.SSRC++
			s.h.Timestamp += 1 << 20
		}
		s.step(never)
		s.p.Stats()
	}), "drift and resync")
}

func BenchmarkPlayout(b *testing.B) {
	for name, lose := range map[string]func(int) bool{"steady": never, "loss": everyTenth} {
		b.Run("PutGetGet20ms/"+name, func(b *testing.B) {
			s := newSteady()
			b.ReportAllocs()
			for b.Loop() {
				s.step(lose)
			}
		})
	}
	b.Run("PutPop20ms", func(b *testing.B) { // coded, without decoding
		s := newSteady()
		coded := 0
		b.ReportAllocs()
		for b.Loop() {
			s.p.Put(s.h, s.payload, s.now)
			s.h.SequenceNumber++
			s.h.Timestamp += 160
			s.now += 20 * ms
			if next, _ := s.p.upcoming(); next != nil {
				coded += int(s.p.codes[s.p.play&(ringSize-1)])
			}
			s.p.play += 160
			s.p.due += 160
		}
		kept = coded
	})
	b.Run("Conceal10ms", func(b *testing.B) {
		s := newSteady()
		for range 100 {
			s.step(never)
		}
		b.ReportAllocs()
		for b.Loop() {
			s.p.voice.conceal(s.dst[:], 0, nil)
			if s.n++; s.n%6 == 0 {
				s.p.voice.settle()
			}
		}
	})
	b.Run("Accelerate", func(b *testing.B) {
		var x [speechMost + scaleRead]int16
		for i := range x {
			x[i] = wave(i)
		}
		b.ReportAllocs()
		for b.Loop() {
			y := x
			cut, _ := shorten(y[:], shortestCut, speechMost, true)
			kept += cut
		}
	})
}

// kept keeps results, so that the compiler does not leave out the work.
var kept int

// BenchmarkPion is the jitter buffer of pion/interceptor on the same packets: it
// copies no payload, decodes nothing and makes up for nothing.
func BenchmarkPion(b *testing.B) {
	b.Run("PushPop20ms/steady", func(b *testing.B) {
		buffer := jitterbuffer.New(jitterbuffer.WithMinimumPacketCount(3))
		payload := newSender().next(0).payload
		packets := make([]rtp.Packet, 64)
		b.ReportAllocs()
		seq := uint16(0)
		for b.Loop() {
			p := &packets[seq%64]
			p.SequenceNumber, p.Timestamp, p.Payload = seq, uint32(seq)*160, payload
			buffer.Push(p)
			seq++
			_, _ = buffer.Pop()
		}
	})
}
