package media

import (
	"testing"
	"time"
)

// What quality costs on the media path: each packet, each frame, each tenth tick,
// and what each look of another goroutine costs.
func BenchmarkQuality(b *testing.B) {
	b.Run("packet", func(b *testing.B) {
		var r reception
		r.fates.length = 20 * time.Millisecond
		b.ReportAllocs()
		for seq := uint16(0); b.Loop(); seq++ {
			r.packet(7, seq)
		}
	})
	b.Run("packet with 10 percent lost", func(b *testing.B) {
		var r reception
		r.fates.length = 20 * time.Millisecond
		b.ReportAllocs()
		for seq := uint16(0); b.Loop(); seq++ {
			if seq%10 == 9 {
				seq++
			}
			r.packet(7, seq)
		}
	})
	b.Run("frame", func(b *testing.B) {
		var l levels
		frame := make([]int16, frameSize)
		for i := range frame {
			frame[i] = noiseAt(1, uint32(i))
		}
		b.ReportAllocs()
		for b.Loop() {
			l.take(frame)
		}
	})
	step, s, _ := newLoop(b, 10, nil)
	for range 3000 {
		step()
	}
	b.Run("tenth tick", func(b *testing.B) {
		var f figures
		b.ReportAllocs()
		for b.Loop() {
			s.figure(&f)
		}
	})
	b.Run("Stats", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = s.Stats()
		}
	})
	b.Run("report with VoIP metrics", func(b *testing.B) {
		s.cfg.ExtendedReports = XRAlways
		b.ReportAllocs()
		for b.Loop() {
			_ = s.compound(s.clock(), true, false)
		}
	})
}
