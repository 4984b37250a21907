package jitter

import "time"

// Playout is one stream's playout buffer. One goroutine owns it.
type Playout struct{ stats Stats }

// New returns a Playout that has allocated all it will ever need. No payload
// type is mapped.
func New(cfg Config) *Playout { return &Playout{} }

// Map declares what packets of payload type pt (0 to 127) carry.
func (p *Playout) Map(pt uint8, payload Payload) {}

// ResetMap unmaps all payload types, for a new negotiation.
func (p *Playout) ResetMap() {}

// Put takes one packet that arrived at the time arrival. The payload is copied.
func (p *Playout) Put(h Header, payload []byte, arrival time.Duration) {}

// Get fills the first FrameSize samples of dst with the sound to be played at
// the time now and tells what it is. It is called every 10 ms.
func (p *Playout) Get(dst []int16, now time.Duration) Kind {
	clear(dst[:FrameSize])
	return Silence
}

// Timestamp returns the RTP timestamp of the sample that the next Get plays
// first; ok is false before anything was synchronised.
func (p *Playout) Timestamp() (ts uint32, ok bool) { return 0, false }

// Reset forgets the stream and what is buffered, for a new source. The payload
// map and the statistics stay.
func (p *Playout) Reset() {}

// Stats returns the counts so far. It is called by the owning goroutine.
func (p *Playout) Stats() Stats { return p.stats }
