package jitter

import (
	"cmp"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/softphone-go/softphone/media/g711"
	"github.com/stretchr/testify/require"
)

const (
	ms       = time.Millisecond
	ptPCMU   = 0
	ptPCMA   = 8
	ptCN     = 13
	ptEvents = 96
)

// packet is one on its way.
type packet struct {
	Header
	payload []byte
	at      time.Duration
	offset  int // of its sound in what the sender said
}

// sender makes the packets of one stream. Its sound never repeats, so that the
// place of what is heard can be told.
type sender struct {
	ssrc   uint32
	seq    uint16
	ts     uint32
	ptime  time.Duration
	pt     uint8
	clock  time.Duration // when the next packet leaves
	offset int
}

func newSender() *sender {
	return &sender{ssrc: 1, seq: 65500, ts: 0xFFFFF000, ptime: 20 * ms, pt: ptPCMU}
}

// wave is sample i of what senders say: a voice-like tone that glides.
func wave(i int) int16 {
	t := float64(i) / clockRate
	phase := 2 * math.Pi * (110*t + 15*math.Sin(t*3))
	return int16(7000*math.Sin(phase) + 3000*math.Sin(2*phase+1) + 1500*math.Sin(5*phase))
}

func (s *sender) size() int { return int(s.ptime / tick) }

// next makes one packet that arrives after delay.
func (s *sender) next(delay time.Duration) packet {
	n := s.size()
	sound := make([]int16, n)
	for i := range sound {
		sound[i] = wave(s.offset + i)
	}
	payload := make([]byte, n)
	if s.pt == ptPCMA {
		g711.EncodePCMA(payload, sound)
	} else {
		g711.EncodePCMU(payload, sound)
	}
	p := packet{s.header(s.pt), payload, s.clock + delay, s.offset}
	s.skip(s.ptime)
	s.seq++
	return p
}

func (s *sender) header(pt uint8) Header {
	return Header{SequenceNumber: s.seq, Timestamp: s.ts, PayloadType: pt, SSRC: s.ssrc}
}

// skip lets time pass at the sender without a packet.
func (s *sender) skip(d time.Duration) {
	s.ts += uint32(d / tick)
	s.offset += int(d / tick)
	s.clock += d
}

// talk makes packets for d that all take 5 ms.
func (s *sender) talk(d time.Duration) (out []packet) {
	for end := s.clock + d; s.clock < end; {
		out = append(out, s.next(5*ms))
	}
	return out
}

// frame is what one Get returned.
type frame struct {
	now  time.Duration
	kind Kind
	pcm  [FrameSize]int16
}

func (f frame) loud() bool {
	sum := 0.0
	for _, v := range f.pcm {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum/FrameSize) > 1000
}

func newPlayout(cfg Config) *Playout {
	p := New(cfg)
	p.Map(ptPCMU, PCMU)
	p.Map(ptPCMA, PCMA)
	p.Map(ptCN, ComfortNoise)
	p.Map(ptEvents, Event)
	return p
}

// run delivers the packets at their times and pulls 10 ms at a time from start
// until end, checking the balance of packets.
func run(t *testing.T, p *Playout, packets []packet, start, end time.Duration) (out []frame) {
	t.Helper()
	slices.SortStableFunc(packets, func(a, b packet) int { return cmp.Compare(a.at, b.at) })
	for now := start; now < end; now += 10 * ms {
		for len(packets) > 0 && packets[0].at <= now {
			p.Put(packets[0].Header, packets[0].payload, packets[0].at)
			packets = packets[1:]
		}
		f := frame{now: now}
		f.kind = p.Get(f.pcm[:], now)
		out = append(out, f)
	}
	requireBalance(t, p)
	return out
}

type failer interface {
	Helper()
	Fatalf(string, ...any)
}

func requireBalance(t failer, p *Playout) {
	t.Helper()
	s := p.Stats()
	if s.Received != s.Played+s.Late+s.Duplicates+s.Discarded+s.Buffered {
		t.Fatalf("packets do not add up: %+v", s)
	}
}

// requireExact checks that frames from a time on hold what the sender said at
// one lag, to the bit.
func requireExact(t *testing.T, frames []frame, from, to, lag time.Duration) {
	t.Helper()
	var code [1]byte
	var want [1]int16
	for _, f := range frames {
		if f.now < from || f.now >= to {
			continue
		}
		for i, got := range f.pcm {
			g711.EncodePCMU(code[:], []int16{wave(int((f.now-lag)/tick) + i)})
			g711.DecodePCMU(want[:], code[:])
			require.Equal(t, want[0], got, "at %v, sample %d", f.now, i)
		}
	}
}

// requireSpeechWithin checks that sound is back within one target delay after a
// packet's arrival and stays for the second that follows.
func requireSpeechWithin(t *testing.T, frames []frame, arrival, target time.Duration) {
	t.Helper()
	at := slices.IndexFunc(frames, func(f frame) bool { return f.now >= arrival && f.kind == Speech && f.loud() })
	require.GreaterOrEqual(t, at, 0, "silence for ever")
	require.LessOrEqual(t, frames[at].now, arrival+target+10*ms, "speech is back too late")
	speech := 0
	for _, f := range frames[at:min(at+100, len(frames))] {
		if f.kind == Speech {
			speech++
		}
	}
	require.GreaterOrEqual(t, speech, 95)
}

func count(frames []frame, kind Kind) (n int) {
	for _, f := range frames {
		if f.kind == kind {
			n++
		}
	}
	return n
}
