package jitter

import "math"

// transit follows the time that packets take: arrival minus position, in ticks.
// Only differences mean anything.
//
// The sound received is cut into blocks of 60 ms. The fastest packet of the last
// eight is the base that delays are measured from: so a path that becomes slower
// is believed within half a second, and one that becomes faster at once. What
// is learned of the jitter is learned four blocks later, from the base around
// each packet before and after it, so that a step or a slope of the path is not
// taken for jitter.
type transit struct {
	fastest int64 // of the blocks
	recent  int64 // of the last two of them
	least   [blocks]int64
	ends    [blocks]uint32 // count at the end of each
	block   int
	filled  int64 // ticks of sound in the current one
	count   uint32
	times   [recentPackets]int64
	last    int64 // delay beyond the base of the packet learned last
	jitter  jitter
}

const (
	blockTicks    = 60 * perMS
	blocks        = 8
	blockPackets  = 12
	recentPackets = 128
)

// restart forgets all but one packet.
func (t *transit) restart(d int64) {
	for i := range t.least {
		t.least[i], t.ends[i] = d, t.count
	}
	t.fastest, t.recent, t.filled = d, d, 0
}

// add takes the transit time of a packet with size ticks of sound.
func (t *transit) add(d, size int64) {
	t.times[t.count%recentPackets] = d
	t.count++
	t.least[t.block] = min(t.least[t.block], d)
	t.fastest, t.recent = min(t.fastest, d), min(t.recent, d)
	t.filled += size
	if t.filled >= blockTicks || t.count-t.ends[t.block] >= blockPackets {
		t.turn()
	}
}

// overtaken takes the transit time of a packet that later ones have overtaken.
func (t *transit) overtaken(d int64) { t.jitter.overtaken(max(d-t.fastest, 0)) }

// turn begins a new block.
func (t *transit) turn() {
	t.ends[t.block] = t.count
	next := (t.block + 1) % blocks
	others := int64(math.MaxInt64) // all but the oldest
	for i, d := range t.least {
		if i != next {
			others = min(others, d)
		}
	}
	t.learn(min(others, t.least[next]))
	t.recent, t.fastest = t.least[t.block], others
	t.block, t.filled = next, 0
	t.least[next] = math.MaxInt64
	t.ends[next] = t.count
}

// learn takes the packets of the block in the middle into the statistics.
func (t *transit) learn(base int64) {
	middle := (t.block + blocks/2) % blocks
	from, to := t.ends[(middle+blocks-1)%blocks], t.ends[middle]
	for ; from != to; from++ {
		e := max(t.times[from%recentPackets]-base, 0)
		if e > t.last {
			t.jitter.add(t.last, e)
		}
		t.last = e
	}
	t.jitter.pass(t.filled)
}

const (
	fineBins   = 64 // of 1 ms
	coarseStep = 8  // ms
	jitterBins = fineBins + 80
	recompute  = 4 // blocks between two looks at the statistics
)

// jitter knows for every delay beyond the base how often a listener with that
// much in reserve would have run dry, and for how long. It counts packets that
// need more than the packet before: the rest of a burst that was held up comes
// with its first. The past weighs less and less.
type jitter struct {
	events    [jitterBins]float32 // per bin, how many more begin than end here
	gaps      [jitterBins]float32 // the same, each weighing its delay in ms
	squares   [jitterBins]float32 // the same, each weighing the square of its delay in ms
	overtakes [jitterBins]float32 // the same of packets that were overtaken
	time      float32             // ms
	weight    float32
	turns     int
	target    int64
}

// seed makes the statistics believe in a target, until they know better.
func (j *jitter) seed(target int64) {
	j.weight, j.target = 1, target
	j.add(0, target)
	for i := range j.events {
		j.events[i] *= priorMass
		j.gaps[i] *= priorMass
		j.squares[i] *= priorMass
	}
	j.time = priorTime
}

func bin(e int64) int {
	ms := e / perMS
	if ms < fineBins {
		return int(ms)
	}
	return int(min(fineBins+(ms-fineBins)/coarseStep, jitterBins-1))
}

func edge(bin int) int64 {
	if bin < fineBins {
		return int64(bin)
	}
	return int64(fineBins + (bin-fineBins)*coarseStep)
}

// add takes two packets that follow each other.
func (j *jitter) add(last, e int64) {
	from, to := bin(last), bin(e)
	if from >= to {
		return
	}
	ms := float32(e) / perMS * j.weight
	j.events[from] += j.weight
	j.events[to] -= j.weight
	j.gaps[from] += ms
	j.gaps[to] -= ms
	ms *= float32(e) / perMS
	j.squares[from] += ms
	j.squares[to] -= ms
}

// overtaken takes a packet that others have overtaken. A listener who has those
// hears less of it when it comes too late: the gap is filled from both ends.
func (j *jitter) overtaken(e int64) {
	j.overtakes[0] += j.weight
	j.overtakes[bin(e)] -= j.weight
}

// pass lets time pass.
func (j *jitter) pass(ticks int64) {
	j.time += float32(ticks) / perMS * j.weight
	for range ticks / 160 {
		j.weight *= forget
	}
	if j.weight > 1e6 {
		for i := range j.events {
			j.events[i] /= j.weight
			j.gaps[i] /= j.weight
			j.squares[i] /= j.weight
			j.overtakes[i] /= j.weight
		}
		j.time /= j.weight
		j.weight = 1
	}
	if j.turns++; j.turns%recompute == 0 {
		j.weigh()
	}
}

// weigh chooses the delay beyond the base at which delay and gaps together cost
// least.
func (j *jitter) weigh() {
	seconds := j.time / 1000
	var events, gaps, squares, overtakes, least float32
	best := 0
	for i := range j.events {
		events += j.events[i]
		gaps += j.gaps[i]
		squares += j.squares[i]
		overtakes += j.overtakes[i]
		rate := overtakes / seconds
		ms := float32(edge(i))
		cost := priceDelay*ms + (priceEvent*events+priceGap*(gaps-ms*events)+priceLong*(squares-2*ms*gaps+ms*ms*events))/seconds +
			priceOvertaken*rate + priceManyOvertaken*rate*rate
		if i == 0 || cost < least {
			best, least = i, cost
		} else if priceDelay*ms > least {
			break // no longer delay can cost less
		}
	}
	j.target = edge(best)*perMS + margin
}
