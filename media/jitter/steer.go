package jitter

import "math"

// How the delay is brought to its target. In a pause it costs nothing; in speech
// a pitch period is left out or repeated.
const (
	scaleRead  = 2 * FrameSize // searched beyond the longest cut
	slackFixed = 20 * perMS    // error tolerated with a fixed target, or a quarter of it
	slackQuiet = 2 * perMS     // and in a pause
	pauseMost  = 240           // samples cut or inserted at once in a pause
	speechMost = 160           // and in speech
	scaleMost  = FrameSize + 2*pauseMost
	unlikeOver = 24 * perMS // how far beyond its bound an error must be for speech unlike itself to be cut

	nudgeSpare = 3 * perMS     // speech is nudged until this much more than needed is there
	nudgeOver  = 2 * FrameSize // and when it is too late by that
	patience   = 4 * clockRate // and no pause has come for that long
)

// fifo holds sound that was read ahead of its time.
type fifo struct {
	data       [scaleMost]int16
	head, tail int
}

func (f *fifo) len() int { return f.tail - f.head }

func (f *fifo) put(s []int16) {
	if f.head == f.tail {
		f.head, f.tail = 0, 0
	}
	f.tail += copy(f.data[f.tail:], s)
}

func (f *fifo) take(dst []int16) int {
	n := copy(dst, f.data[f.head:f.tail])
	f.head += n
	return n
}

// phase returns where in a frame packets begin. Packets are fetched by frame, so
// one that begins in the middle is fetched before it is due: a delay at which
// packets begin with a frame is the shortest of those that are as safe.
func (p *Playout) phase() int64 {
	phase := (p.position - p.play) % FrameSize // by a constant, for most
	if p.pull != FrameSize {
		phase = (p.position - p.play) % p.pull
	}
	if phase < 0 {
		phase += p.pull
	}
	return phase
}

// excess returns by how much the delay may fall, and by how much it has to grow.
// Only one of them is not zero.
func (p *Playout) excess(level int64) (excess, lack int64) {
	phase := p.phase()
	safe := level - phase
	if safe < p.target {
		return 0, (p.target-safe+p.pull-1)/p.pull*p.pull - phase
	}
	spare := safe - p.target - hyst - (p.transit.recent - p.transit.fastest)
	return max(spare, 0)/p.pull*p.pull + phase, 0
}

// steer compares the delay with the target and takes a step if need be.
func (p *Playout) steer() {
	level := p.delay()
	if level > p.limit+FrameSize {
		p.skip(level - p.target)
		return
	}
	if p.cfg.Fixed {
		p.steerFixed(level - p.target)
		return
	}
	excess, lack := p.excess(level)
	switch {
	case excess <= slackQuiet && lack == 0:
		p.paused, p.nudged = p.due, 0
		p.settle(false, math.MaxInt64)
	case p.last == Silence || p.last == Comfort:
		p.paused, p.nudged = p.due, 0
		p.steerInSilence(excess - lack)
	case p.last != Speech:
	case p.pauseAhead():
		p.paused, p.nudged = p.due, 0
		if excess > 0 {
			p.compress(excess, true)
		} else {
			p.stretch(lack, true)
		}
	default:
		p.steerInSpeech(level, excess)
	}
}

// steerInSpeech changes as little as it can: what can wait waits for a pause.
func (p *Playout) steerInSpeech(level, excess int64) {
	long := p.due-p.paused > patience // without a pause
	target := p.target
	if !long {
		target = min(target, urgent)
	}
	lack := target - level + p.phase()
	switch {
	case p.due >= p.calm && (excess > speechOver || long && excess > speechLong):
		if p.compress(excess, false) {
			p.rest(excess > hurryOver)
		}
	case p.due >= p.calm && lack > speechUnder:
		if p.stretch(lack, false) {
			p.rest(lack > hurryUnder)
		}
	case p.due < p.calm:
	case !long:
		p.nudged = 0
		p.settle(true, p.paused+patience)
	case p.nudged == 0 && lack > 0, p.nudged > 0 && lack > -nudgeSpare:
		p.nudge(1)
	case p.nudged == 0 && excess > nudgeOver, p.nudged < 0 && excess > FrameSize:
		p.nudge(-1)
	default:
		p.nudged = 0
		p.settle(true, math.MaxInt64)
	}
}

func (p *Playout) rest(short bool) {
	if p.calm = p.due + calmLong; short {
		p.calm = p.due + calmShort
	}
}

// nudge plays the next frame by some samples longer or shorter, so little that
// the pitch seems the same: the clocks differ.
func (p *Playout) nudge(by int) {
	n := FrameSize - by
	if !p.inHand(int64(n)) {
		return
	}
	p.nudged = by
	x := p.scratch[:n]
	p.read(x)
	y := p.scratch[n : n+FrameSize]
	nudge(y, x)
	p.ahead.put(y)
	p.grown += int64(max(by, 0))
	p.shrunk += int64(max(-by, 0))
}

// steerFixed brings the delay back to a target that stays, and leaves it alone
// as long as it is near; in silence, where a change is not heard, a shallow one
// must be nearer.
func (p *Playout) steerFixed(err int64) {
	slack := max(slackFixed, p.target/4)
	silent := p.last == Silence || p.last == Comfort
	switch {
	case silent && max(err, -err) > max(slackFixed/2, p.target/4):
		p.steerInSilence(err)
	case silent || max(err, -err) <= slack:
		p.settle(false, math.MaxInt64)
	case p.last != Speech || p.due < p.calm:
	case err > 0:
		if p.compress(err, false) {
			p.rest(err > 2*slack)
		}
	default:
		if p.stretch(-err, false) {
			p.rest(-err > 2*slack)
		}
	}
}

// skip goes to the target at once: the delay has passed its limit, because
// nobody listened for a while or the network became much faster.
func (p *Playout) skip(ticks int64) {
	p.play += ticks
	p.shrunk += ticks
	if p.voice.made == 0 {
		p.voice.begin()
		p.voice.made = 1
	}
}

// leaveOut skips sound that came late and was made up in the meantime, if the
// path is as fast as before: then all that was held up has come at once, and the
// delay need not grow. If the path has become slower, only little is there.
func (p *Playout) leaveOut() {
	owed := p.owed
	p.owed = 0
	if owed <= leaveMost && p.ahead.len() == 0 && p.delay() > p.target && p.inHand(owed+leaveSpare) {
		p.play += owed
		p.grown -= owed // what it grew by when the packet came
	}
}

// steerInSilence moves the playhead, forward as far as the next sound.
func (p *Playout) steerInSilence(err int64) {
	if max(err, -err) <= slackQuiet {
		return
	}
	s, _ := p.upcoming()
	switch {
	case err < 0 && s != nil && s.position > p.play:
		p.play += err
		p.grown -= err
	case err > 0 && s != nil && s.position > p.play:
		step := min(err, s.position-p.play)
		p.play += step
		p.shrunk += step
	}
}

// pauseAhead tells whether a pause lasts and goes on.
func (p *Playout) pauseAhead() bool {
	past := p.voice.recent(pauseLeast)
	return !loud(past[len(past)-joinLeast:]) && p.inHand(joinLeast) && !anyLoud(p.peek(joinLeast)) && !anyLoud(past)
}

// peek decodes what comes next without playing it.
func (p *Playout) peek(n int) []int16 {
	x := p.peeked[:n]
	s := p.slot(p.next)
	p.decodeAt(x, p.play, s.payload)
	return x
}

// compress leaves out one pitch period, or more of a pause, if enough sound is
// at hand.
func (p *Playout) compress(excess int64, pause bool) bool {
	if !pause {
		need := int64(speechMost + scaleRead)
		return p.inHand(need) && p.cut(int(need), speechMost, excess > unlikeOver+speechLong)
	}
	for cut := min(excess, pauseMost); cut >= slackQuiet; cut /= 2 {
		if need := cut + joinLeast; p.inHand(need) && !anyLoud(p.peek(int(need))) {
			x := p.scratch[:need]
			p.read(x)
			blendInto(x[cut:], x[:joinLeast], x[cut:])
			p.ahead.put(x[cut:])
			p.shrunk += cut
			return true
		}
	}
	return false
}

// cut reads need samples and leaves out whole periods, up to most of them.
func (p *Playout) cut(need, most int, force bool) bool {
	x := p.scratch[:need]
	p.read(x)
	n, ok := shorten(x, shortestCut, most, force)
	p.ahead.put(x[n:])
	p.shrunk += int64(n)
	return ok
}

// stretch repeats one pitch period, or more of a pause.
func (p *Playout) stretch(lack int64, pause bool) bool {
	if !p.inHand(FrameSize) {
		return false
	}
	least, most := shortestCut, speechMost
	if pause {
		most = int(max(min(lack, pauseMost), shortestCut))
		least = most
	}
	x := p.scratch[:FrameSize]
	before := p.peeked[:copy(p.peeked[:], p.voice.recent(most))]
	p.read(x)
	n, ok := lengthen(p.scratch[FrameSize:][:FrameSize+most], before, x, least, most, pause || lack > unlikeOver+speechUnder)
	if !ok {
		p.ahead.put(x)
		return false
	}
	p.ahead.put(p.scratch[FrameSize:][:n])
	p.grown += int64(n - FrameSize)
	return true
}

// inHand tells whether n samples from the playhead on are there without a hole.
func (p *Playout) inHand(n int64) bool {
	at := p.play
	for i := p.next; i <= p.top && at < p.play+n; i++ {
		s := p.slot(i)
		if s == nil || s.state != waiting || s.position > at {
			return false
		}
		at = max(at, s.position+int64(s.size))
	}
	return at >= p.play+n
}

func loud(s []int16) bool {
	sum := 0
	for _, v := range s {
		sum += max(int(v), -int(v))
	}
	return sum > quietLevel*len(s)
}

// anyLoud tells whether any 5 ms of s are loud.
func anyLoud(s []int16) bool {
	for ; len(s) >= 40; s = s[40:] {
		if loud(s[:40]) {
			return true
		}
	}
	return false
}
