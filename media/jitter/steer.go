package jitter

// How the delay is brought to its target. In silence it costs nothing; in speech
// a pitch period is left out or repeated, where the sound resembles itself.
const (
	scaleRead   = 2 * FrameSize // read for one step of time scaling
	blend       = 40            // samples over which two periods are blended
	slackSpeech = 12 * perMS    // error tolerated in speech
	slackFixed  = 20 * perMS    // the same with a fixed target
	slackQuiet  = 3 * perMS     // and in silence
	hurryError  = 40 * perMS    // above this, steps follow each other faster
	calmLong    = 100 * perMS
	calmShort   = 30 * perMS
	similar     = 0.5 // squared correlation that two periods must have,
	patience    = 24  // ms of error above slackSpeech for which it is waived
	quietLevel  = 60  // mean magnitude below which anything resembles anything
)

// fifo holds sound that was read ahead of its time.
type fifo struct {
	data       [scaleRead + 2*maxLag]int16
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

// steer compares the delay with the target and takes a step if need be.
func (p *Playout) steer() {
	level := p.delay()
	err := level - p.target
	if level > p.limit+FrameSize {
		p.skip(err)
		return
	}
	if p.last == Silence || p.last == Comfort {
		p.steerInSilence(err)
		return
	}
	if p.last != Speech || p.due < p.calm || max(err, -err) <= p.slack {
		return
	}
	stepped := false
	if err > 0 {
		stepped = p.compress(err)
	} else {
		stepped = p.stretch(err)
	}
	if stepped {
		p.calm = p.due + calmLong
		if max(err, -err) > hurryError {
			p.calm = p.due + calmShort
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

// compress leaves out one pitch period, if enough sound is at hand.
func (p *Playout) compress(err int64) bool {
	const need = scaleRead + maxLag
	if !p.inHand(need) {
		return false
	}
	x := p.scratch[:need]
	p.read(x)
	lag, score := bestAhead(x)
	if score < similar && err < slackSpeech+patience*perMS && loud(x[:blend+maxLag]) {
		p.ahead.put(x)
		return false
	}
	for i := range blend {
		a, b := int32(x[i]), int32(x[i+lag])
		x[i+lag] = int16(a + (b-a)*int32(i+1)/(blend+1))
	}
	p.ahead.put(x[lag:])
	p.shrunk += int64(lag)
	return true
}

// bestAhead returns the lag at which the beginning of x resembles what follows.
func bestAhead(x []int16) (lag int, score float32) {
	for l := minLag; l <= maxLag; l += 2 {
		if _, s := search(x[l:l+2*blend], x, l, l, l, 1); s > score {
			lag, score = l, s
		}
	}
	if lag == 0 {
		lag = FrameSize
	}
	return lag, score
}

// stretch repeats one pitch period: from the blend on, sound comes a lag later.
func (p *Playout) stretch(err int64) bool {
	if !p.inHand(FrameSize) {
		return false
	}
	x := p.scratch[:memory+FrameSize]
	copy(x, p.voice.recent(memory))
	p.read(x[memory:])
	pattern := x[memory:]
	lag := bestLag(pattern, x, memory)
	_, score := search(pattern, x, memory, lag, lag, 1)
	if score < similar && -err < slackSpeech+patience*perMS && loud(pattern) {
		p.ahead.put(pattern)
		return false
	}
	y := x[memory-lag:] // the sound once more, a lag later
	for i := range blend {
		now, again := int32(pattern[i]), int32(y[i])
		p.scaled[i] = int16(now + (again-now)*int32(i+1)/(blend+1))
	}
	p.ahead.put(p.scaled[:blend])
	p.ahead.put(y[blend:])
	p.grown += int64(lag)
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
