package jitter

// transit follows the time that packets take: arrival minus position, in ticks.
// Only differences mean anything.
type transit struct {
	fastest int64 // of about the last two seconds of sound
	blocks  [8]int64
	block   int
	filled  int64 // ticks of sound in the current block
	jitter  jitter
}

const blockTicks = clockRate / 4

// restart forgets all but one packet.
func (t *transit) restart(d int64) {
	for i := range t.blocks {
		t.blocks[i] = d
	}
	t.fastest, t.filled = d, 0
}

// slower forgets all but one packet, after which nothing was left to play: its
// time is taken for the new measure, until a faster one comes.
func (t *transit) slower(d int64) {
	t.jitter.add(d - t.fastest)
	t.restart(d)
}

// add takes the transit time of a packet with size ticks of sound. The window
// is counted in sound received, so that a pause does not empty it.
func (t *transit) add(d, size int64) {
	if t.filled += size; t.filled >= blockTicks {
		t.filled = 0
		t.block = (t.block + 1) % len(t.blocks)
		t.blocks[t.block] = d
		t.fastest = d
		for _, b := range t.blocks {
			t.fastest = min(t.fastest, b)
		}
	}
	if d < t.blocks[t.block] {
		t.blocks[t.block] = d
		t.fastest = min(t.fastest, d)
	}
	t.jitter.add(d - t.fastest)
}

const (
	jitterStep = 5 * perMS
	jitterBins = 140
	// forget is how much more each packet weighs than the one before.
	forget = 1 / 0.997
	// quantile of packets that the target lets come in time.
	quantile = 0.97
	// grid is added to the target since sound is fetched 10 ms at a time.
	grid        = FrameSize
	seedPackets = 6
	recompute   = 16 // packets between two looks at the histogram
)

// jitter is a histogram of delays beyond the fastest, the past weighing less
// and less, and the target that follows from it.
type jitter struct {
	bins   [jitterBins]float32
	total  float32
	weight float32
	count  int
	target int64
}

// seed makes the histogram believe in a target, until it has seen enough.
func (j *jitter) seed(target int64) {
	j.weight, j.target = 1, target
	j.bins[j.bin(target-grid-1)] = seedPackets
	j.total = seedPackets
}

func (j *jitter) bin(extra int64) int {
	return int(min(max(extra, 0)/jitterStep, jitterBins-1))
}

func (j *jitter) add(extra int64) {
	j.bins[j.bin(extra)] += j.weight
	j.total += j.weight
	j.weight *= forget
	if j.count++; j.count%recompute != 0 {
		return
	}
	if j.weight > 1e6 {
		for i := range j.bins {
			j.bins[i] /= j.weight
		}
		j.total /= j.weight
		j.weight = 1
	}
	sum, want := float32(0), j.total*quantile
	for i, b := range j.bins {
		if sum += b; sum >= want || i == jitterBins-1 {
			j.target = int64(i+1)*jitterStep + grid
			return
		}
	}
}
