package media

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
)

// plainConn has nothing but net.PacketConn, and fails now and then to read.
type plainConn struct {
	net.PacketConn
	reads atomic.Int64
}

var errUnreachable = errors.New("port unreachable, said ICMP")

func (c *plainConn) ReadFrom(p []byte) (int, net.Addr, error) {
	if c.reads.Add(1)%10 == 0 {
		return 0, nil, errUnreachable
	}
	return c.PacketConn.ReadFrom(p)
}

func TestSession_AnyPacketConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		r.ports = NewPorts(PortsConfig{ListenPacket: func(ctx context.Context, network, addr string) (net.PacketConn, error) {
			c, err := r.net.ListenPacket(ctx, network, addr)
			return &plainConn{PacketConn: c}, err
		}})
		b := r.open(peerAddr, nil)
		r.apply(agreed(b.socket.RTP()))
		require.NoError(t, b.Apply(agreed(r.session.socket.RTP())))
		time.Sleep(10 * time.Second)
		st := b.Stats()
		assert.InDelta(t, 500, st.PacketsReceived, 2, "errors do not end the reading, nor lose a packet")
		assert.InDelta(t, 55, st.ReadErrors, 5)
		assert.InDelta(t, 500, r.session.Stats().PacketsReceived, 2)
		assert.Positive(t, st.RTCPReceived)
	})
}

func TestSession_IPv6(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		a, b := r.open(netip.MustParseAddr("fd00::1"), nil), r.open(netip.MustParseAddr("fd00::2"), nil)
		require.NoError(t, a.Apply(agreed(b.socket.RTP())))
		require.NoError(t, b.Apply(agreed(a.socket.RTP())))
		time.Sleep(10 * time.Second)
		for _, s := range []*Session{a, b} {
			st := s.Stats()
			assert.InDelta(t, 500, st.PacketsReceived, 2)
			assert.Zero(t, st.WrongSource)
			assert.Positive(t, st.RTCPReceived)
		}
	})
}

// What came long before anything was agreed on, and what is too long, is counted
// only; the last packets before the answer are its first words (RFC 3264 §5.1).
func TestSession_EarlyAndOversize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		p, v := r.peer(peerAddr, 4000), &voice{ssrc: 7}
		v.talk(t, p.rtp, r.session.socket.RTP(), 20)
		time.Sleep(5 * time.Millisecond) // between two ticks
		r.apply(agreed(p.addr()))
		time.Sleep(20 * time.Millisecond)
		send(t, p.rtp, r.session.socket.RTP(), rtpPacket(0, 1, 1, 7, make([]byte, 1461)))
		send(t, p.rtp, r.session.socket.RTP(), rtpPacket(0, 1, 1, 7, make([]byte, 1460)))
		send(t, p.rtp, r.session.socket.RTP(), nil)
		time.Sleep(20 * time.Millisecond)
		st := r.session.Stats()
		const kept = 11 // of 20 packets, one every 20 ms, those of the last 250 ms
		assert.EqualValues(t, 20-kept, st.Early)
		assert.EqualValues(t, 2, st.Malformed)
		assert.EqualValues(t, kept+1, st.PacketsReceived)
	})
}

// A flood that no tick could keep up with costs the flood, not the call.
func TestSession_Flood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, nil)
		defer r.close()
		p, thief := r.peer(peerAddr, 4000), r.peer(otherAddr, 4000)
		r.apply(agreed(p.addr()))
		time.Sleep(20 * time.Millisecond)
		v := &voice{ssrc: 7}
		for range 100 {
			v.talk(t, p.rtp, r.session.socket.RTP(), 1)
			for range 200 {
				send(t, thief.rtp, r.session.socket.RTP(), []byte("flood"))
			}
		}
		st := r.session.Stats()
		assert.Positive(t, st.Overflows)
		assert.Positive(t, st.WrongSource)
		assert.InDelta(t, 100, st.PacketsSent, 3, "sending goes on")
	})
}

func TestSession_TapSeesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent, received, control int
		r := newRig(t, memnet.Link{}, func(c *SessionConfig) {
			c.Tap = func(p TapPacket) {
				switch {
				case p.RTCP:
					control++
				case p.Sent:
					sent++
				default:
					received++
				}
				if !p.Local.IsValid() || !p.Remote.IsValid() || len(p.Data) == 0 || time.Since(p.Time) > frameTime {
					t.Errorf("tap: %+v", p)
				}
			}
		})
		defer r.close()
		p, v := r.peer(peerAddr, 4000), &voice{ssrc: 7}
		r.apply(agreed(p.addr()))
		v.talk(t, p.rtp, r.session.socket.RTP(), 500)
		synctest.Wait()
		st := r.session.Stats()
		assert.EqualValues(t, st.PacketsSent, sent)
		assert.EqualValues(t, st.PacketsReceived+st.Early, received)
		assert.EqualValues(t, st.RTCPSent, control)
	})
}
