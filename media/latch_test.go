package media

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
)

func TestLatch(t *testing.T) {
	a, b, c := netip.AddrPortFrom(ourAddr, 1), netip.AddrPortFrom(peerAddr, 2), netip.AddrPortFrom(otherAddr, 3)
	var l latch
	assert.False(t, l.target().IsValid())
	l.describe(a, 0)
	assert.Equal(t, a, l.target(), "before the latch: as described")
	require.True(t, l.admits(b, 1))
	assert.True(t, l.take(b, 1))
	assert.Equal(t, b, l.target())
	assert.False(t, l.admits(c, 2))
	assert.False(t, l.admits(a, 2))
	assert.True(t, l.admits(a, time.Minute), "the described one is believed when the learned one is silent")
	assert.False(t, l.admits(c, time.Minute), "nobody else is")

	l.take(b, time.Minute)
	l.describe(a, time.Minute) // the same address again
	assert.Equal(t, b, l.target(), "the learned address still holds")
	assert.True(t, l.admits(b, time.Minute))
	assert.False(t, l.admits(c, time.Minute))
	assert.True(t, l.admits(c, time.Minute+time.Second), "anybody, if the learned one is silent")

	l.describe(netip.AddrPort{}, time.Hour)
	assert.Equal(t, b, l.target(), "a description without address changes nothing")

	l.describe(c, time.Hour)
	assert.Equal(t, c, l.target(), "a new address")
	assert.False(t, l.admits(b, time.Hour+1), "the source before is still on its way out")
	assert.True(t, l.admits(c, time.Hour+1))
	assert.True(t, l.admits(b, time.Hour+time.Second))
}

func TestSession_WrongSourceIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, fixed)
		defer r.close()
		described, real, thief := r.peer(peerAddr, 4000), r.peer(peerAddr, 5000), r.peer(otherAddr, 6000)
		e := &ear{}
		r.session.SetSink(e)
		r.apply(agreed(described.addr()))
		time.Sleep(100 * time.Millisecond)
		media, _ := described.taken()
		assert.NotEmpty(t, media, "before the latch media goes where the description says")

		to := r.session.socket.RTP()
		send(t, thief.rtp, to, []byte("not RTP at all, so no reason to latch"))
		send(t, thief.rtp, to, rtpPacket(77, 1, 1, 1, make([]byte, 160)))
		v := &voice{ssrc: 7, seed: 1}
		v.talk(t, real.rtp, to, 20)
		_, _ = described.taken()
		_, _ = real.taken()
		w := &voice{ssrc: 8, seed: 2}
		w.talk(t, thief.rtp, to, 50)
		v.talk(t, real.rtp, to, 20)

		media, _ = described.taken()
		assert.Empty(t, media)
		media, _ = thief.taken()
		assert.Empty(t, media)
		media, _ = real.taken()
		assert.InDelta(t, 70, len(media), 1, "symmetric RTP")
		assert.Equal(t, -1, find(e.heard(), coded(2, 800, 80)))
		st := r.session.Stats()
		assert.EqualValues(t, 50, st.WrongSource)
		assert.EqualValues(t, 1, st.Malformed)
		assert.EqualValues(t, 1, st.Unmapped)
		assert.InDelta(t, 40, st.PacketsReceived, 1)
		assert.Equal(t, real.addr(), st.Remote)
	})
}

func TestSession_NewDescriptionLatchesAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, fixed)
		defer r.close()
		first, second := r.peer(peerAddr, 4000), r.peer(otherAddr, 5000)
		e := &ear{}
		r.session.SetSink(e)
		to := r.session.socket.RTP()
		r.apply(agreed(first.addr()))
		v, w := &voice{ssrc: 7, seed: 1}, &voice{ssrc: 8, seed: 2, seq: 900, ts: 5}
		v.talk(t, first.rtp, to, 50)
		before := r.session.Stats()
		require.True(t, before.Latched)

		r.apply(agreed(second.addr()))
		v.talk(t, first.rtp, to, 2) // the first one still talks
		media, _ := second.taken()
		assert.NotEmpty(t, media, "media goes to the new address at once")
		w.talk(t, second.rtp, to, 50)
		v.talk(t, first.rtp, to, 10)

		after := r.session.Stats()
		assert.Equal(t, second.addr(), after.Remote)
		assert.Equal(t, before.SSRC, after.SSRC)
		assert.InDelta(t, 12, after.WrongSource, 1)
		assert.Positive(t, find(e.heard(), coded(2, 1600, 4000)), "heard within one target delay")
		assert.Zero(t, after.PacketsLost)
	})
}

// The source that has the right takes the stream back; nobody else ever does.
func TestLatch_BetterSourceTakesItBack(t *testing.T) {
	const ms = time.Millisecond
	described, thief, nat := netip.AddrPortFrom(peerAddr, 1), netip.AddrPortFrom(otherAddr, 2), netip.AddrPortFrom(otherAddr, 3)
	hear := func(l *latch, from netip.AddrPort, at time.Duration) bool {
		ok := l.admits(from, at)
		if ok {
			l.take(from, at)
		}
		return ok
	}
	var l latch
	l.describe(described, 0)
	require.True(t, hear(&l, thief, 1*ms), "nobody knows better yet")
	for i := range time.Duration(2) {
		require.True(t, hear(&l, thief, (20*i+10)*ms))
		require.False(t, hear(&l, described, (20*i+20)*ms))
	}
	require.True(t, hear(&l, described, 60*ms), "the third packet")
	for i := range time.Duration(1000) {
		require.False(t, hear(&l, thief, 60*ms+i*time.Second))
	}

	l = latch{} // behind a NAT the described address is never heard
	l.describe(described, 0)
	require.True(t, hear(&l, nat, 0))
	l.describe(described, time.Second) // a re-INVITE while the peer is silent
	require.True(t, hear(&l, thief, 1300*ms))
	require.False(t, hear(&l, nat, 1400*ms))
	require.True(t, hear(&l, thief, 2490*ms))
	require.False(t, hear(&l, nat, 2500*ms), "too far apart")
	require.False(t, hear(&l, nat, 2520*ms))
	require.True(t, hear(&l, nat, 2540*ms))
	require.False(t, hear(&l, thief, 2550*ms))
	require.True(t, hear(&l, nat, 2560*ms))

	l.describe(thief, 3*time.Second)
	require.False(t, l.better(nat), "another description, another peer")
}

// An attacker floods the port from the start, from the peer's own host at another
// port and from elsewhere, over re-INVITEs too. The peer is heard all the same.
func TestSession_AttackerDoesNotGetTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, fixed)
		defer r.close()
		real, near, far := r.peer(peerAddr, 4000), r.peer(peerAddr, 5000), r.peer(otherAddr, 6000)
		e := &ear{}
		r.session.SetSink(e)
		r.apply(agreed(real.addr()))
		to := r.session.socket.RTP()
		flood := func(p *peer, ssrc uint32) {
			w := &voice{ssrc: ssrc, seed: ssrc, seq: uint16(ssrc * 1000)}
			w.talk(t, p.rtp, to, 500)
		}
		go flood(near, 21)
		go flood(far, 22)
		time.Sleep(110 * time.Millisecond)
		v := &voice{ssrc: 7, seed: 1}
		v.talk(t, real.rtp, to, 150)
		require.Equal(t, real.addr(), r.session.Stats().Remote)
		r.apply(agreed(real.addr())) // as after a session timer
		v.talk(t, real.rtp, to, 150)
		_, _ = real.taken()
		_, _ = near.taken()
		_, _ = far.taken()
		v.talk(t, real.rtp, to, 50)
		for _, p := range []*peer{near, far} {
			media, _ := p.taken()
			assert.Empty(t, media)
		}
		media, _ := real.taken()
		assert.InDelta(t, 50, len(media), 1)
		assert.Positive(t, find(e.heard(), coded(1, 8000, 40000)), "five seconds of the peer without a break")
		st := r.session.Stats()
		assert.Greater(t, st.WrongSource, uint64(600))
		assert.EqualValues(t, 7, st.RemoteSSRC)
		time.Sleep(10 * time.Second)
	})
}
