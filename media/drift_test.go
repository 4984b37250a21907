package media

import (
	"math"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/jitter"
)

// recital is ten seconds of somebody who speaks as people do: vowels of changing
// pitch, and pauses in between.
func recital() []int16 {
	samples := make([]int16, 10*clockRate)
	phase := 0.0
	for i := range samples {
		at := float64(i) / clockRate
		phase = math.Mod(phase+(120+30*math.Sin(2*math.Pi*0.7*at))/clockRate, 1)
		loud := max(0, math.Sin(2*math.Pi*0.3*at)+0.3) // 3.3 s: 60 % speech, 40 % pause
		x := math.Sin(2*math.Pi*phase) + 0.5*math.Sin(4*math.Pi*phase) + 0.3*math.Sin(10*math.Pi*phase)
		samples[i] = int16(4000 * loud * x)
	}
	return samples
}

// level follows how much sound waits in a playout buffer.
type level struct {
	least, most, sum time.Duration
	n                int
}

func (l *level) add(d time.Duration) {
	if l.n == 0 || d < l.least {
		l.least = d
	}
	l.most = max(l.most, d)
	l.sum += d
	l.n++
}

// tickBy ticks s until stop by a clock that runs at so many times the speed of
// the world's, every 10 ms of its own, and shows its playout buffer in between.
func tickBy(s *Session, speed float64, stop <-chan struct{}, look func(jitter.Stats)) {
	begin, timer := time.Now(), time.NewTimer(0)
	defer timer.Stop()
	for n := uint64(1); ; n++ {
		due := begin.Add(time.Duration(float64(n) * float64(frameTime) / speed))
		timer.Reset(time.Until(due))
		select {
		case <-timer.C:
		case <-stop:
			return
		}
		s.Tick(n)
		if n%10 == 0 {
			look(s.playout.Stats())
		}
	}
}

// An hour of a call between two clocks that are 600 ppm apart, one 300 ppm too
// fast and one as much too slow, over a network that adds up to 10 ms: both sides
// follow by samples, no packet is late or thrown away, and next to nothing is made
// up.
func TestSession_AnHourOfDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ppm = 300e-6
		const slice, slices = 10 * time.Minute, 6
		n := memnet.New(1, memnet.Link{Delay: 20 * time.Millisecond, Jitter: 10 * time.Millisecond})
		ports := NewPorts(PortsConfig{ListenPacket: n.ListenPacket})
		speeds := []float64{1 + ppm, 1 - ppm}
		speech, err := audio.NewWAV(clockRate, recital())
		require.NoError(t, err)
		beginnings := make([]time.Duration, 2) // concealed in the first seconds
		levels := make([][slices]level, 2)
		var sessions []*Session
		for i, speed := range speeds {
			socket, err := ports.Open([]netip.Addr{ourAddr, peerAddr}[i])
			require.NoError(t, err)
			s, err := NewSession(SessionConfig{Socket: socket})
			require.NoError(t, err)
			epoch := s.epoch
			s.clock = func() time.Duration { return time.Duration(float64(time.Since(epoch)) * speed) }
			s.SetSource(speech.Source(true))
			s.SetSink(audio.Discard{})
			sessions = append(sessions, s)
		}
		require.NoError(t, sessions[0].Apply(agreed(sessions[1].socket.RTP())))
		require.NoError(t, sessions[1].Apply(agreed(sessions[0].socket.RTP())))

		begin := time.Now()
		stop := make(chan struct{})
		done := make(chan struct{})
		for i, s := range sessions {
			go func() {
				tickBy(s, speeds[i], stop, func(st jitter.Stats) {
					at := time.Since(begin)
					if at < 10*time.Second { // the start is another matter
						beginnings[i] = st.Concealed
					} else {
						levels[i][min(slices-1, at/slice)].add(st.Delay)
					}
				})
				done <- struct{}{}
			}()
		}
		time.Sleep(slices * slice)
		close(stop)
		<-done
		<-done
		for i, s := range sessions {
			require.NoError(t, s.Close())
			st, p := s.Stats(), s.playout.Stats()
			t.Logf("the clock at %+.0f ppm, which hears the other one: %d packets, stretched %v, compressed %v, concealed %v, late %d, discarded %d, mean delay %v",
				1e6*(speeds[i]-1), st.PacketsReceived, p.Stretched, p.Compressed, p.Concealed, p.Late, p.Discarded, p.MeanDelay.Round(time.Millisecond/10))
			for k, l := range levels[i] {
				mean := l.sum / time.Duration(l.n)
				t.Logf("  %2d to %2d min: buffer level min %v mean %v max %v", 10*k, 10*(k+1),
					l.least.Round(time.Millisecond/10), mean.Round(time.Millisecond/10), l.most.Round(time.Millisecond/10))
				assert.Less(t, mean, 60*time.Millisecond)
				assert.Less(t, l.most, 100*time.Millisecond)
			}
			assert.InDelta(t, 180000, st.PacketsReceived, 120)
			assert.Zero(t, p.Late+p.Discarded+p.Lost+p.Resyncs)
			assert.LessOrEqual(t, p.Concealed-beginnings[i], 50*time.Millisecond, "made up after the first 10 s")
			assert.Less(t, p.Concealed, 100*time.Millisecond)
			drift := p.Stretched - p.Compressed
			if speeds[i] < 1 {
				drift = -drift
			}
			assert.InDelta(t, 2*ppm*float64(slices*slice), drift, float64(60*time.Millisecond), "600 ppm of an hour")
		}
		require.NoError(t, n.Close())
	})
}
