package media

import (
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media/offer"
)

// silences notes when OnTimeout was called.
type silences struct {
	begin time.Time
	mu    sync.Mutex
	at    []time.Duration
}

func (s *silences) fired() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = append(s.at, time.Since(s.begin).Round(100*time.Millisecond))
}

func (s *silences) noted() []time.Duration {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.at)
}

func watched(t *testing.T, timeout time.Duration) (*rig, *silences) {
	s := &silences{begin: time.Now()}
	return newRig(t, memnet.Link{}, func(c *SessionConfig) { c.Timeout, c.OnTimeout = timeout, s.fired }), s
}

// sendReports sends a receiver report every second.
func sendReports(t *testing.T, c net.PacketConn, r *rig, seconds int) {
	raw, err := (&rtcp.ReceiverReport{SSRC: 7}).Marshal()
	require.NoError(t, err)
	for range seconds {
		send(t, c, r.session.socket.RTCP(), raw)
		time.Sleep(time.Second)
	}
}

// RTCP alone is no sign that the sound finds its way; after comfort noise it is.
func TestSession_TimeoutAndRTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := watched(t, 10*time.Second)
		defer r.close()
		p, v := r.peer(peerAddr, 4000), &voice{ssrc: 7}
		r.apply(agreed(p.addr()))
		v.talk(t, p.rtp, r.session.socket.RTP(), 50)
		sendReports(t, p.rtcp, r, 15)
		assert.Equal(t, []time.Duration{11 * time.Second}, s.noted(), "the peer's program runs, its sound does not arrive")

		v.talk(t, p.rtp, r.session.socket.RTP(), 50)                                           // until 17 s
		send(t, p.rtp, r.session.socket.RTP(), rtpPacket(13, v.seq, v.ts, v.ssrc, []byte{60})) // silence is announced
		sendReports(t, p.rtcp, r, 60)                                                          // until 77 s
		assert.Len(t, s.noted(), 1, "an announced silence, and reports go on")
		time.Sleep(12 * time.Second)
		assert.Equal(t, 86*time.Second, s.noted()[1], "10 s after the last report")

		v.seq, v.ts = v.seq+1, v.ts+160
		v.talk(t, p.rtp, r.session.socket.RTP(), 50) // until 90 s: speech again
		sendReports(t, p.rtcp, r, 15)
		assert.Equal(t, 100*time.Second, s.noted()[2])
		assert.Len(t, s.noted(), 3)
	})
}

// Whoever sets the time late, as at the answer, has it counted from there, also
// when silence had been told before.
func TestSession_SetTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := watched(t, 0)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		r.apply(agreed(p.addr()))
		time.Sleep(time.Minute) // it rings
		r.session.SetTimeout(5 * time.Second)
		time.Sleep(time.Minute)
		r.session.SetTimeout(8 * time.Second)
		time.Sleep(10 * time.Second)
		r.session.SetTimeout(0)
		time.Sleep(time.Minute)
		assert.Equal(t, []time.Duration{65 * time.Second, 128 * time.Second}, s.noted())
	})
}

// On hold nobody waits, in whatever way the hold is written; at its end, and when
// the peer moves, the time begins anew.
func TestSession_TimeoutPausesOnHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := watched(t, 10*time.Second)
		defer r.close()
		p, other := r.peer(peerAddr, 4000), r.peer(otherAddr, 4000)
		d := agreed(p.addr())
		for _, dir := range []offer.Direction{offer.SendOnly, offer.Inactive} {
			r.apply(d)
			time.Sleep(9 * time.Second)
			held := d
			held.Direction = dir
			r.apply(held)
			time.Sleep(time.Minute)
		}
		r.apply(d) // at 138 s
		time.Sleep(9 * time.Second)
		r.apply(agreed(other.addr()))
		time.Sleep(9 * time.Second)
		assert.Empty(t, s.noted())
		time.Sleep(2 * time.Second)
		assert.Equal(t, []time.Duration{157 * time.Second}, s.noted())
	})
}

// Packets from elsewhere, and what is no RTP, are no sign of life.
func TestSession_TimeoutWhateverStrangersSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := watched(t, 10*time.Second)
		defer r.close()
		p, thief := r.peer(peerAddr, 4000), r.peer(otherAddr, 4000)
		r.apply(agreed(p.addr()))
		v, w := &voice{ssrc: 7}, &voice{ssrc: 8}
		v.talk(t, p.rtp, r.session.socket.RTP(), 50)
		for range 15 {
			w.talk(t, thief.rtp, r.session.socket.RTP(), 49)
			send(t, p.rtp, r.session.socket.RTP(), []byte("no RTP"))
			time.Sleep(20 * time.Millisecond)
		}
		assert.Equal(t, []time.Duration{11 * time.Second}, s.noted())
	})
}
