package media

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/g711"
	"github.com/softphone-go/softphone/media/offer"
)

// pairs counts what a Monitor is shown.
type pairs struct {
	frames int
	sum    int64
}

func (p *pairs) WriteFrames(local, remote *audio.Frame) {
	p.frames++
	p.sum += int64(local.Samples[0]) + int64(remote.Samples[0])
}

// sides keeps what a Monitor is shown.
type sides struct{ local, remote ear }

func (s *sides) WriteFrames(local, remote *audio.Frame) {
	if local == nil {
		local = audio.NewFrame(clockRate)
	}
	s.local.WriteFrame(local)
	s.remote.WriteFrame(remote)
}

// TestSession_MonitorSeesBothSidesInStep: through mute, both kinds of hold and the
// end of the call.
func TestSession_MonitorSeesBothSidesInStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{Delay: 10 * time.Millisecond}, nil)
		defer r.close()
		b := r.open(peerAddr, nil)
		seen, heard := &sides{}, &ear{}
		r.session.SetMonitor(seen)
		r.session.SetSink(heard)
		r.session.SetSource(&noise{seed: 1})
		b.SetSource(&noise{seed: 2})
		time.Sleep(200 * time.Millisecond)
		assert.Empty(t, seen.local.heard(), "nothing before the first Apply")
		toB := agreed(b.socket.RTP())
		r.apply(toB)
		require.NoError(t, b.Apply(agreed(r.session.socket.RTP())))

		level := func(x []int16) float64 { // of the second half of the last half second
			sum := 0.0
			for _, v := range x[len(x)-2000:] {
				sum += float64(v) * float64(v)
			}
			return sum / 2000
		}
		for _, c := range []struct {
			name          string
			muted         bool
			direction     offer.Direction
			local, remote bool // is there sound
		}{
			{"talk", false, offer.SendRecv, true, true},
			{"muted", true, offer.SendRecv, false, true},
			{"talk again", false, offer.SendRecv, true, true},
			{"they listen not", false, offer.RecvOnly, false, true},
			{"hold", false, offer.SendOnly, true, false},
			{"both hold", false, offer.Inactive, false, false},
			{"and back", false, offer.SendRecv, true, true},
		} {
			r.session.SetMuted(c.muted)
			toB.Direction = c.direction
			r.apply(toB)
			before := len(seen.local.heard())
			time.Sleep(500 * time.Millisecond)
			synctest.Wait() // for the tick of this moment
			local, remote := seen.local.heard(), seen.remote.heard()
			require.InDelta(t, before+4000, len(local), frameSize, "%s: hold does not stop the time", c.name)
			require.Equal(t, len(local), len(remote), c.name)
			assert.Equal(t, c.local, level(local) > 1e6, c.name)
			assert.Equal(t, c.remote, level(remote) > 1e6, c.name)
		}
		said := seen.local.heard()
		got := seen.remote.heard()
		assert.True(t, slices.Equal(heard.heard()[:len(got)], got), "the remote side is what the Sink got")

		r.session.SetMonitor(nil)
		time.Sleep(100 * time.Millisecond)
		assert.Len(t, seen.local.heard(), len(said), "nil forgets it")
	})
}

// TestSession_MonitorSeesWhatIsSent: to the sample, the tones of digits too.
func TestSession_MonitorSeesWhatIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		seen := &sides{}
		r.session.SetMonitor(seen)
		r.session.SetSource(&noise{seed: 1})
		r.session.SetGain(-6)
		r.apply(withoutEvents(agreed(p.addr())))
		time.Sleep(time.Second)
		require.NoError(t, r.session.SendDigits("5", 100*time.Millisecond, 0))
		time.Sleep(time.Second)
		media, _ := p.taken()
		said := seen.local.heard()
		sent := make([]byte, 0, len(said))
		for _, m := range media {
			sent = append(sent, m.rtp.Payload...)
		}
		require.InDelta(t, len(said), len(sent), 160)
		require.True(t, bytes.Equal(codeOf(said[:len(sent)]), sent))
	})
}

// TestSession_RecordsAStereoCall: the whole way, from two speakers into a file.
func TestSession_RecordsAStereoCall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "call.wav")
	synctest.Test(t, func(t *testing.T) {
		recorder, err := audio.CreateRecording(path, audio.Narrowband, audio.Stereo)
		require.NoError(t, err)
		r := newRig(t, memnet.Link{}, nil)
		b := r.open(peerAddr, nil)
		tone := func(hz float64) audio.Source {
			return audio.Tone{Frequencies: []float64{hz}, Level: -10}.Source()
		}
		r.session.SetMonitor(recorder)
		r.session.SetSource(tone(500))
		b.SetSource(tone(1100))
		r.apply(agreed(b.socket.RTP()))
		require.NoError(t, b.Apply(agreed(r.session.socket.RTP())))
		time.Sleep(2 * time.Second)
		r.close()
		require.NoError(t, recorder.Close())
		assert.Zero(t, recorder.Dropped())
		assert.GreaterOrEqual(t, recorder.Duration(), 2*time.Second)
	})
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var side [2][]int16
	for i := 44; i+4 <= len(data); i += 4 {
		for c := range side {
			side[c] = append(side[c], int16(data[i+2*c])|int16(data[i+2*c+1])<<8)
		}
	}
	require.GreaterOrEqual(t, len(side[0]), 16000)
	for c, hz := range []float64{500, 1100} {
		crossings := 0
		x := side[c][8000:16000]
		for i := 1; i < len(x); i++ {
			if (x[i-1] < 0) != (x[i] < 0) {
				crossings++
			}
		}
		assert.InDelta(t, 2*hz, crossings, 4, "side %d", c)
	}
}

// codeOf is x in µ-law.
func codeOf(x []int16) []byte {
	code := make([]byte, len(x))
	g711.EncodePCMU(code, x)
	return code
}
