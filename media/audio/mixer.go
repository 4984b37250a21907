package audio

import "slices"

// Mixer lets any number of members hear each other: each hears all but itself.
// It goes in steps of 10 ms,
//
//	WriteFrame of each member ─▶ Mix ─▶ ReadFrame of each member
//
// and adds up every member once: what one hears is the sum less its own part,
// clipped to 16 bits. A member may write the next frame before it has read the
// last one, as a call does that is both its Sink and its Source.
//
// All is for one goroutine, but what is said otherwise. Nothing allocates, except
// when a member's rate changes.
type Mixer struct {
	rate    int
	sum     []int32
	members []*Member
}

// Member is one that takes part: a Sink for what it says and a Source of what it
// hears. Its frames may have any rate that NewResampler takes, others are
// silence; those of another rate than the Mixer's are resampled, with the delay
// of a Resampler.
type Member struct {
	mixer    *Mixer
	gain     Gain
	next     []int16 // written for the Mix that comes
	own      []int16 // part of the last Mix
	heard    []int16 // what it hears, to be resampled
	spoke    bool    // next was written
	inSum    bool    // own is part of the sum
	left     bool
	from, to *Resampler
}

// NewMixer adds up at a rate in Hz, one that NewResampler takes: best the
// highest of the members'.
func NewMixer(rate int) (*Mixer, error) {
	if err := checkRate(rate); err != nil {
		return nil, err
	}
	return &Mixer{rate: rate, sum: make([]int32, rate/framesPerSecond)}, nil
}

// Rate is the rate of the sum in Hz.
func (x *Mixer) Rate() int { return x.rate }

// Members is how many take part.
func (x *Mixer) Members() int { return len(x.members) }

// Join adds a member. It is heard from the next Mix on.
func (x *Mixer) Join() *Member {
	n := len(x.sum)
	m := &Member{mixer: x, next: make([]int16, n), own: make([]int16, n), heard: make([]int16, n)}
	x.members = append(x.members, m)
	return m
}

// Leave takes the member out: it hears silence from then on, and is not heard
// from the next Mix on. Later calls do nothing.
func (m *Member) Leave() {
	if m.left {
		return
	}
	m.left = true
	x := m.mixer
	x.members = slices.DeleteFunc(x.members, func(other *Member) bool { return other == m })
}

// SetGain makes a member louder or softer for the others, by dB within the range
// of Gain. Any goroutine may call it.
func (m *Member) SetGain(db float64) { m.gain.SetDB(db) }

// SetMuted takes a member's sound from the others; it hears on. Any goroutine may
// call it.
func (m *Member) SetMuted(on bool) { m.gain.SetMuted(on) }

// Muted says what SetMuted was last given. Any goroutine may call it.
func (m *Member) Muted() bool { return m.gain.Muted() }

// Mix adds up what was written since the last one. A member that wrote nothing is
// silent; one that wrote twice is heard with the later frame.
func (x *Mixer) Mix() {
	sum := x.sum
	clear(sum)
	for _, m := range x.members {
		m.next, m.own = m.own, m.next
		m.inSum, m.spoke = m.spoke, false
		if !m.inSum {
			continue
		}
		m.gain.Process(m.own)
		for i, v := range m.own[:len(sum)] {
			sum[i] += int32(v)
		}
	}
}

// WriteFrame takes what the member says.
func (m *Member) WriteFrame(f *Frame) {
	if m.left || len(f.Samples) != f.Rate/framesPerSecond {
		return
	}
	if f.Rate == m.mixer.rate {
		copy(m.next, f.Samples)
		m.spoke = true
		return
	}
	if m.from = m.from.between(f.Rate, m.mixer.rate); m.from == nil {
		return
	}
	m.from.Process(m.next, f.Samples)
	m.spoke = true
}

// ReadFrame gives what the member hears: the last Mix without itself.
func (m *Member) ReadFrame(f *Frame) {
	if m.left || len(f.Samples) != f.Rate/framesPerSecond {
		f.Clear()
		return
	}
	if f.Rate == m.mixer.rate {
		m.others(f.Samples)
		return
	}
	if m.to = m.to.between(m.mixer.rate, f.Rate); m.to == nil {
		f.Clear()
		return
	}
	m.others(m.heard)
	m.to.Process(f.Samples, m.heard)
}

// others is the sum without the member.
func (m *Member) others(dst []int16) {
	sum := m.mixer.sum
	dst = dst[:len(sum)]
	if !m.inSum {
		for i, v := range sum {
			dst[i] = saturate(v)
		}
		return
	}
	own := m.own[:len(sum)]
	for i, v := range sum {
		dst[i] = saturate(v - int32(own[i]))
	}
}

// saturate is x, or the nearest that 16 bits hold.
func saturate(x int32) int16 { return int16(min(max(x, -1<<15), 1<<15-1)) }
