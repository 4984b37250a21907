package media

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media/dtmf"
	"github.com/softphone-go/softphone/media/offer"
)

// withoutEvents is what two agreed on of whom one knows no telephone events.
func withoutEvents(p offer.Params) offer.Params {
	p.EventSend, p.EventReceive = 0, 0
	return p
}

// TestSession_InbandDigits: where no events were agreed on, keys go as tones, and
// are heard as tones, muted or not, over a network that loses a packet now and
// then; as soon as events are agreed on, they go as events.
func TestSession_InbandDigits(t *testing.T) {
	for _, codec := range []offer.Codec{offer.PCMU(), offer.PCMA()} {
		synctest.Test(t, func(t *testing.T) {
			var atA, atB pressed
			r := newRig(t, memnet.Link{Delay: 20 * time.Millisecond}, func(c *SessionConfig) { c.OnDigit = atA.add })
			defer r.close()
			b := r.open(peerAddr, func(c *SessionConfig) { c.OnDigit = atB.add })
			toB, toA := withoutEvents(agreed(b.socket.RTP())), withoutEvents(agreed(r.session.socket.RTP()))
			toB.Send = codec
			r.apply(toB)
			require.NoError(t, b.Apply(toA))
			r.session.SetSource(&noise{seed: 1})
			time.Sleep(time.Second)
			require.NoError(t, r.session.SendDigits("0123456789*#ABCD", 50*time.Millisecond, 50*time.Millisecond))
			require.True(t, r.session.DigitsPending())
			time.Sleep(3 * time.Second)
			assert.Equal(t, "0123456789*#ABCD", atB.String())
			assert.False(t, r.session.DigitsPending())
			r.session.SetMuted(true)
			require.NoError(t, r.session.SendDigits("7", 0, 0))
			time.Sleep(time.Second)
			assert.Equal(t, "0123456789*#ABCD7", atB.String(), "mute is for the voice")
			assert.Empty(t, atA.String())
			assert.EqualValues(t, 17, r.session.Stats().DigitsSent)
			assert.EqualValues(t, 17, b.Stats().DigitsReceived)
			for _, d := range atB.digits[:16] {
				assert.InDelta(t, 0.05, d.Duration.Seconds(), 0.01)
				assert.InDelta(t, -6, d.Volume, 1.5)
			}

			r.apply(agreed(b.socket.RTP()))
			toA.EventSend, toA.EventReceive = 96, 101
			require.NoError(t, b.Apply(toA))
			time.Sleep(time.Second)
			require.NoError(t, r.session.SendDigits("42", 0, 0))
			require.NoError(t, b.SendDigits("9", 0, 0))
			time.Sleep(time.Second)
			assert.Equal(t, "0123456789*#ABCD742", atB.String(), "each once")
			assert.Equal(t, "9", atA.String())
		})
	}
}

func TestSession_DigitModes(t *testing.T) {
	for _, c := range []struct {
		name       string
		ours       DigitMode
		events     bool // agreed on
		fails      bool
		heard      string // by a peer in mode auto
		heardOfHis string
	}{
		{"auto with events", DigitsAuto, true, false, "12", "34"},
		{"auto without", DigitsAuto, false, false, "12", "34"},
		{"events", DigitsEvents, true, false, "12", "34"},
		{"events, but the peer takes none", DigitsEvents, false, true, "", ""},
		{"tones, though there are events", DigitsInband, true, false, "", "34"},
		{"tones", DigitsInband, false, false, "12", "34"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var atA, atB pressed
			r := newRig(t, memnet.Link{}, func(s *SessionConfig) { s.OnDigit, s.Digits = atA.add, c.ours })
			defer r.close()
			b := r.open(peerAddr, func(s *SessionConfig) { s.OnDigit = atB.add })
			toB, toA := agreed(b.socket.RTP()), agreed(r.session.socket.RTP())
			toA.EventSend, toA.EventReceive = 96, 101
			if !c.events {
				toB, toA = withoutEvents(toB), withoutEvents(toA)
			}
			r.apply(toB)
			require.NoError(t, b.Apply(toA))
			time.Sleep(500 * time.Millisecond)
			err := r.session.SendDigits("12", 0, 0)
			if c.fails {
				require.ErrorIs(t, err, ErrNoEvents, c.name)
			} else {
				require.NoError(t, err, c.name)
			}
			require.NoError(t, b.SendDigits("34", 0, 0))
			time.Sleep(2 * time.Second)
			assert.Equal(t, c.heard, atB.String(), c.name)
			assert.Equal(t, c.heardOfHis, atA.String(), c.name)
		})
	}
}

// TestSession_InbandDigitsWaitOnHold: nothing is sent to who does not listen, and
// what was queued is sent after.
func TestSession_InbandDigitsWaitOnHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var atB pressed
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		b := r.open(peerAddr, func(c *SessionConfig) { c.OnDigit = atB.add })
		toB := withoutEvents(agreed(b.socket.RTP()))
		toB.Direction = offer.RecvOnly
		r.apply(toB)
		require.NoError(t, b.Apply(withoutEvents(agreed(r.session.socket.RTP()))))
		require.NoError(t, r.session.SendDigits("58", 0, 0))
		time.Sleep(2 * time.Second)
		assert.Empty(t, atB.String())
		assert.True(t, r.session.DigitsPending())
		toB.Direction = offer.SendRecv
		r.apply(toB)
		time.Sleep(2 * time.Second)
		assert.Equal(t, "58", atB.String())
		assert.False(t, r.session.DigitsPending())
	})
}

// TestSession_KeyHeldIntoHold: a key that is down when the call is held is told.
func TestSession_KeyHeldIntoHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var atB pressed
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		b := r.open(peerAddr, func(c *SessionConfig) { c.OnDigit = atB.add })
		r.apply(withoutEvents(agreed(b.socket.RTP())))
		toA := withoutEvents(agreed(r.session.socket.RTP()))
		require.NoError(t, b.Apply(toA))
		require.NoError(t, r.session.SendDigits("6", time.Second, 0))
		time.Sleep(500 * time.Millisecond)
		assert.Empty(t, atB.String())
		toA.Direction = offer.SendOnly
		require.NoError(t, b.Apply(toA))
		time.Sleep(20 * time.Millisecond)
		assert.Equal(t, "6", atB.String())
	})
}

func TestParseDigitMode(t *testing.T) {
	for _, m := range []DigitMode{DigitsAuto, DigitsEvents, DigitsInband, DigitsInfo} {
		got, err := ParseDigitMode(m.String())
		require.NoError(t, err)
		assert.Equal(t, m, got)
	}
	_, err := ParseDigitMode("smoke")
	assert.ErrorContains(t, err, "auto, rfc4733, inband and info")
	assert.Equal(t, "DigitMode(9)", DigitMode(9).String())
}

// TestSession_InbandTickDoesNotAllocate: keys as tones both ways, one packet in
// ten lost, and a Monitor.
func TestSession_InbandTickDoesNotAllocate(t *testing.T) {
	step, a, b := newLoop(t, 10, nil)
	require.NoError(t, a.Apply(withoutEvents(agreed(b.socket.rtp.local))))
	require.NoError(t, b.Apply(withoutEvents(agreed(a.socket.rtp.local))))
	a.SetMonitor(&pairs{})
	for range 500 {
		step()
	}
	digits := ""
	for range dtmf.MaxQueue / 4 {
		digits += "15*D"
	}
	require.NoError(t, a.SendDigits(digits, 100*time.Millisecond, 100*time.Millisecond))
	require.NoError(t, b.SendDigits(digits, 60*time.Millisecond, 200*time.Millisecond))
	step()
	require.Zero(t, testing.AllocsPerRun(2, func() {
		for range 1500 {
			step()
		}
	}))
	require.Greater(t, a.Stats().DigitsReceived, uint64(100))
	require.Greater(t, b.Stats().DigitsReceived, uint64(100))
}

// BenchmarkTickInband is BenchmarkTick where tones are listened for.
func BenchmarkTickInband(b *testing.B) {
	step, x, y := newLoop(b, 0, nil)
	require.NoError(b, x.Apply(withoutEvents(agreed(y.socket.rtp.local))))
	require.NoError(b, y.Apply(withoutEvents(agreed(x.socket.rtp.local))))
	b.ReportAllocs()
	for b.Loop() {
		step()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2, "ns/tick")
}
