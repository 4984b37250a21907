package jitter

const (
	memory     = maxPeriods*longestPeriod + longestPeriod/2 + 8 // samples remembered
	mergeLeast = 4 * perMS
	mergeMost  = FrameSize
)

// voice remembers what was played and continues it when something is missing
// (conceal.go), so that what comes after joins it without a click.
type voice struct {
	past [3 * memory]int16 // the last memory samples end at n
	n    int

	made   int // samples since the loss began; 0 is no loss
	merge  int // samples of the overlap done
	length int // of the overlap
	quiet  int // samples of intended silence so far, up to FrameSize

	model extension // continues the sound before the loss
	gap   gap       // the filling of a gap whose other end is known
	floor noiseFloor
}

func (v *voice) remember(s []int16) {
	if v.n < memory {
		v.n = memory
	}
	if v.n+len(s) > len(v.past) {
		copy(v.past[:memory], v.past[v.n-memory:v.n])
		v.n = memory
	}
	v.n += copy(v.past[v.n:], s)
}

// recent returns the last n samples played, at most memory.
func (v *voice) recent(n int) []int16 {
	end := max(v.n, memory)
	return v.past[end-n : end]
}

// speech takes received sound that is played, and overlaps its beginning with
// the continuation of what was made up.
func (v *voice) speech(s []int16) {
	if v.made > 0 {
		v.overlap(s)
	}
	v.quiet = 0
	v.remember(s)
	if v.floor.frames++; v.floor.frames%lookEvery == 0 {
		v.floor.look(v.recent(exemplar))
	}
}

// overlap fades from the continuation to s. A filled gap ends where s begins and
// needs none.
func (v *voice) overlap(s []int16) {
	if v.gap.filled() {
		v.settle()
		return
	}
	if v.merge == 0 {
		v.length = min(max(v.model.lag/4+mergeLeast*(v.made/FrameSize), mergeLeast), mergeMost)
		if v.made >= v.model.fade {
			v.length = mergeLeast
		}
	}
	noise, from := v.noiseShare(), v.merge
	for i := range s {
		if v.merge == v.length {
			break
		}
		v.merge++
		mine := int32(v.sample()) * int32(FrameSize-v.quiet) / FrameSize
		s[i] = int16(mine + (int32(s[i])-mine)*int32(v.merge)/int32(v.length+1))
	}
	if noise > 0 {
		left := func(n int) float32 { return noise * float32(v.length-n) / float32(v.length) }
		v.floor.mix(s[:v.merge-from], left(from), left(v.merge))
	}
	if v.merge == v.length {
		v.settle()
	}
}

// settle ends a loss.
func (v *voice) settle() {
	v.made, v.merge = 0, 0
	v.gap.drop()
}

// other takes sound of another origin that is played, such as comfort noise. In
// the first 10 ms of it what was played before fades out.
func (v *voice) other(s []int16) {
	v.fadeOut(s)
	v.remember(s)
}

// silence fills s with intended silence, reached within 10 ms.
func (v *voice) silence(s []int16) {
	clear(s)
	v.fadeOut(s)
	v.remember(s)
}

// fadeOut adds the end of what was played to s.
func (v *voice) fadeOut(s []int16) {
	if v.quiet < FrameSize && v.made == 0 {
		v.begin()
	}
	for i := range s {
		if v.quiet == FrameSize {
			break
		}
		s[i] = rounded(float32(s[i]) + float32(v.sample())*float32(FrameSize-v.quiet)/FrameSize)
		v.quiet++
	}
	if v.merge = 0; v.quiet == FrameSize {
		v.settle()
	}
}
