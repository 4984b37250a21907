package media

import (
	"time"

	"github.com/softphone-go/softphone/media/quality"
)

// fateWindow is how many sequence numbers, counted back from the newest, may
// still arrive before they are written off as lost: at 20 ms, 1.28 s.
const fateWindow = 64

// fates follows the sequence numbers of what is heard until it is known what
// became of each: played in time, discarded, or lost. Duplicates do not count.
//
//	settled: in bursts │ window of 64: bit i is the number top-i │ top
type fates struct {
	bursts quality.Bursts
	former quality.Losses // of the sources and runs before
	length time.Duration  // of the sound in a packet

	filled  uint // numbers in the window
	arrived uint64
	late    uint64 // of those that arrived
	last    uint64 // bit of the packet that arrived last; 0: it had come before
}

// begin starts a new run of numbers with its first one; what is left of the one
// before is settled.
func (f *fates) begin() {
	f.former = f.losses()
	f.bursts, f.arrived, f.late, f.last, f.filled = quality.Bursts{}, 0, 0, 0, 1
}

// advance goes on to the number n behind the newest.
func (f *fates) advance(n uint16) {
	for range n {
		if f.filled == fateWindow {
			f.settle(fateWindow - 1)
		} else {
			f.filled++
		}
		f.arrived <<= 1
		f.late <<= 1
	}
}

// arrive notes that the number so far back from the newest is here.
func (f *fates) arrive(back uint16) {
	f.last = 0
	if bit := uint64(1) << back; uint(back) < f.filled && f.arrived&bit == 0 {
		f.arrived |= bit
		f.last = bit
	}
}

// discard notes that what arrived last came too late to be heard.
func (f *fates) discard() { f.late |= f.last }

func (f *fates) settle(back uint) {
	fate := quality.Lost
	switch bit := uint64(1) << back; {
	case f.late&bit != 0:
		fate = quality.Discarded
	case f.arrived&bit != 0:
		fate = quality.Received
	}
	f.bursts.Add(fate, f.length)
}

// current is how the present source fared, the window included: what has not
// come yet counts as lost, as in RFC 3550 A.3.
func (f *fates) current() quality.Losses {
	rest := *f
	for back := rest.filled; back > 0; back-- {
		rest.settle(back - 1)
	}
	return rest.bursts.Count()
}

// losses is how all sources together fared.
func (f *fates) losses() quality.Losses { return f.former.Plus(f.current()) }
