package media

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media/dtmf"
)

type pressed struct {
	mu     sync.Mutex
	digits []dtmf.Digit
}

func (p *pressed) add(d dtmf.Digit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.digits = append(p.digits, d)
}

func (p *pressed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := ""
	for _, d := range p.digits {
		s += string(d.Rune)
	}
	return s
}

func TestSession_DigitsBothWaysUnderLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var atA, atB pressed
		r := newRig(t, memnet.Link{Delay: 20 * time.Millisecond, Loss: 0.2, Duplicate: 0.1, Reorder: 0.05},
			func(c *SessionConfig) { c.OnDigit = atA.add })
		defer r.close()
		b := r.open(peerAddr, func(c *SessionConfig) { c.OnDigit = atB.add })
		toB, toA := agreed(b.socket.RTP()), agreed(r.session.socket.RTP())
		toA.EventSend, toA.EventReceive = 96, 101 // each has its own payload type
		r.apply(toB)
		require.NoError(t, b.Apply(toA))
		time.Sleep(time.Second)
		const digits = "0123456789*#ABCD"
		require.NoError(t, r.session.SendDigits(digits, 100*time.Millisecond, 100*time.Millisecond))
		assert.True(t, r.session.DigitsPending())
		require.NoError(t, b.SendDigits("4711", 60*time.Millisecond, 60*time.Millisecond))
		require.NoError(t, b.SendDigits("55", 0, 0))
		time.Sleep(5 * time.Second)
		assert.Equal(t, digits, atB.String())
		assert.Equal(t, "471155", atA.String())
		assert.False(t, r.session.DigitsPending())
		assert.EqualValues(t, 16, r.session.Stats().DigitsSent)
		assert.EqualValues(t, 16, b.Stats().DigitsReceived)
	})
}

// Events take the place of sound, under the one sequence, and sound goes on with
// the timestamp it would have had (RFC 4733 §2.5).
func TestSession_DigitReplacesSound_RFC4733(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		r.session.SetMuted(true) // digits are heard all the same
		r.apply(agreed(p.addr()))
		time.Sleep(time.Second)
		require.NoError(t, r.session.SendDigits("7", 100*time.Millisecond, 100*time.Millisecond))
		time.Sleep(time.Second)
		media, _ := p.taken()
		base := media[0].rtp
		var events []took
		for i, m := range media {
			require.Equal(t, base.SequenceNumber+uint16(i), m.rtp.SequenceNumber)
			if m.rtp.PayloadType == 101 {
				events = append(events, m)
				continue
			}
			require.Equal(t, base.Timestamp+uint32(i*160), m.rtp.Timestamp)
			require.Equal(t, i == 0, m.rtp.Marker)
		}
		require.GreaterOrEqual(t, len(events), 7)
		ends := 0
		for i, m := range events {
			require.Equal(t, events[0].rtp.Timestamp, m.rtp.Timestamp)
			require.Equal(t, i == 0, m.rtp.Marker)
			require.EqualValues(t, 7, m.rtp.Payload[0])
			ends += int(m.rtp.Payload[1] >> 7)
		}
		assert.Equal(t, 3, ends)
	})
}

func TestSession_DigitQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(1, memnet.Link{})
		defer func() { require.NoError(t, n.Close()) }()
		socket, err := NewPorts(PortsConfig{ListenPacket: n.ListenPacket}).Open(ourAddr)
		require.NoError(t, err)
		s, err := NewSession(SessionConfig{Socket: socket})
		require.NoError(t, err)
		require.NoError(t, s.Apply(agreed(socket.RTP())))
		for range digitRequests { // nobody ticks
			require.NoError(t, s.SendDigits("1", 0, 0))
		}
		require.ErrorIs(t, s.SendDigits("1", 0, 0), ErrQueueFull)
		s.Tick(0)
		require.NoError(t, s.SendDigits("1", 0, 0))
		require.NoError(t, s.Close())
	})
}
