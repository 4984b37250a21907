package media

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/softphone-go/softphone/media/quality"
)

// run is a source whose packets of 20 ms reach a reception.
func run(r *reception, numbers ...uint16) {
	r.fates.length = 20 * time.Millisecond
	for _, n := range numbers {
		r.packet(1, n)
	}
}

func upTo(from, to uint16) (numbers []uint16) {
	for n := from; n != to+1; n++ {
		numbers = append(numbers, n)
	}
	return numbers
}

func TestFates_LossDiscardReorderDuplicate(t *testing.T) {
	var r reception
	run(&r, upTo(65500, 65530)...) // wraps on the way
	run(&r, 65533, 65532, 65532)   // 65531 is lost, 65532 overtaken and doubled
	r.fates.discard()              // of the double: nothing
	run(&r, 65535, 65534)
	r.fates.discard() // 65534 came too late
	l := r.fates.losses()
	assert.Equal(t, []uint64{36, 1, 1, 2}, []uint64{l.Packets, l.Lost, l.Discarded, l.Runs})

	run(&r, 65531) // it was not lost after all, but late
	r.fates.discard()
	run(&r, upTo(0, 199)...)
	l = r.fates.losses()
	assert.Equal(t, []uint64{236, 0, 2}, []uint64{l.Packets, l.Lost, l.Discarded})
	assert.EqualValues(t, 1, l.Bursts)
	assert.EqualValues(t, 4, l.BurstPackets)
	assert.Equal(t, 80*time.Millisecond, l.BurstTime)
	assert.Equal(t, 232*20*time.Millisecond, l.GapTime)

	run(&r, 65530) // long settled
	r.fates.discard()
	assert.Equal(t, l, r.fates.losses())
}

// Whoever begins anew (another SSRC, a jump of the sequence number) has lost
// nothing by it, and the past is kept.
func TestFates_NewRun(t *testing.T) {
	var r reception
	run(&r, 1, 2, 4)
	r.packet(2, 60000)
	r.fates.discard()
	r.packet(2, 60002)
	l := r.fates.losses()
	assert.Equal(t, []uint64{7, 2, 1}, []uint64{l.Packets, l.Lost, l.Discarded})
	assert.EqualValues(t, 3, r.fates.current().Packets)

	r.packet(2, 30000) // is not believed yet
	r.fates.discard()
	assert.EqualValues(t, 1, r.fates.losses().Discarded)
	r.packet(2, 30001)
	assert.Equal(t, quality.Losses{Packets: 1, Gaps: 1, GapTime: 20 * time.Millisecond}, r.fates.current())
	assert.EqualValues(t, 8, r.fates.losses().Packets)
}

func TestFates_LongLoss(t *testing.T) {
	var r reception
	run(&r, 1)
	run(&r, upTo(1000, 1100)...)
	l := r.fates.losses()
	assert.Equal(t, []uint64{1100, 998, 1}, []uint64{l.Packets, l.Lost, l.Runs})
	assert.Equal(t, 998*20*time.Millisecond, l.MeanBurst())
	assert.InDelta(t, 1, l.BurstDensity(), 0)
}

func TestLevels(t *testing.T) {
	var l levels
	assert.Zero(t, l.speech.dBm0(), "nothing known")
	frame := make([]int16, frameSize)
	n := &noise{}
	play := func(amplitude int16, seconds int) {
		for range seconds * 100 {
			for i := range frame {
				frame[i] = int16(int32(noiseAt(n.seed, n.next)) * int32(amplitude) / 8192)
				n.next++
			}
			l.take(frame)
		}
	}
	// Noise of peak a has a mean square of a²/3.
	play(30, 4)
	for range 10 {
		play(3000, 1)
		play(30, 1)
	}
	assert.InDelta(t, -19.4, l.speech.dBm0(), 0.5)
	assert.InDelta(t, -59.4, l.noise.dBm0(), 0.6)
	var silent levels
	clear(frame)
	for range 1000 {
		silent.take(frame)
	}
	assert.Zero(t, silent.speech.dBm0())
	assert.EqualValues(t, quietest, silent.noise.dBm0())
}
