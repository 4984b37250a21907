package media

import (
	"bytes"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/media/srtp"
)

func newKey(t testing.TB, suite srtp.Suite) *srtp.Key {
	k, err := srtp.GenerateKey(suite, nil)
	require.NoError(t, err)
	return k
}

// under is p with SRTP.
func under(p offer.Params, send, receive *srtp.Key) offer.Params {
	p.SendKey, p.ReceiveKey = send, receive
	return p
}

func TestSecure_TwoTalk_RFC3711(t *testing.T) {
	for _, suite := range srtp.Suites() {
		t.Run(suite.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				sizes := map[int]int{}
				r := newRig(t, memnet.Link{Delay: 30 * time.Millisecond}, func(c *SessionConfig) {
					fixed(c)
					c.Tap = func(p TapPacket) {
						mu.Lock()
						defer mu.Unlock()
						if !p.RTCP {
							sizes[len(p.Data)]++
							assert.False(t, bytes.Contains(p.Data, bytes.Repeat([]byte{0xFF}, 20)), "silence shows")
						}
					}
				})
				defer r.close()
				a, b := r.session, r.open(peerAddr, fixed)
				earA, earB := &ear{}, &ear{}
				b.SetSource(&noise{seed: 2})
				a.SetSink(earA)
				b.SetSink(earB)
				keyA, keyB := newKey(t, suite), newKey(t, suite)
				require.NoError(t, a.Apply(under(agreed(b.socket.RTP()), keyA, keyB)))
				require.NoError(t, b.Apply(under(agreed(a.socket.RTP()), keyB, keyA)))
				time.Sleep(20 * time.Second)
				assert.Positive(t, find(earA.heard(), coded(2, 8000, 80000)))
				for _, s := range []*Session{a, b} {
					st := s.Stats()
					assert.Equal(t, suite, st.Encryption)
					assert.InDelta(t, 1000, st.PacketsReceived, 3)
					assert.InDelta(t, 160*1000, st.BytesReceived, 3*160)
					assert.Zero(t, st.PacketsLost+st.Unauthenticated+st.Replayed+st.Malformed+st.SendErrors)
					assert.Positive(t, st.RTCPReceived)
					assert.InDelta(t, float64(60*time.Millisecond), float64(st.RTT), float64(time.Millisecond))
				}
				mu.Lock()
				defer mu.Unlock()
				require.Len(t, sizes, 1)
				for size := range sizes {
					assert.Greater(t, size, 12+160, "the tap sees tags")
				}
			})
		})
	}
}

// blind has peers look at nothing, since it is encrypted.
func blind(peers ...*peer) {
	for _, p := range peers {
		p.mu.Lock()
		p.secret = true
		p.mu.Unlock()
	}
}

// srtpVoice is a voice that speaks SRTP.
type srtpVoice struct {
	voice
	protect *srtp.Sender
}

func newVoice(t *testing.T, key *srtp.Key, ssrc, seed uint32) *srtpVoice {
	s, err := srtp.NewSender(key)
	require.NoError(t, err)
	return &srtpVoice{voice{ssrc: ssrc, seed: seed}, s}
}

// packet is the next one on the wire; 160 samples of PCMU that say nothing.
func (v *srtpVoice) packet(t *testing.T) []byte {
	plain := rtpPacket(0, v.seq, v.ts, v.ssrc, bytes.Repeat([]byte{0x55}, 160))
	v.seq, v.ts = v.seq+1, v.ts+160
	wire, err := v.protect.RTP(append(make([]byte, 0, 300), plain...))
	require.NoError(t, err)
	return wire
}

// Who has no key is neither heard nor believed to be the peer, even when nobody was
// heard before.
func TestSecure_NoKeyNoLatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, fixed)
		defer r.close()
		described, real, thief := r.peer(peerAddr, 4000), r.peer(peerAddr, 5000), r.peer(otherAddr, 6000)
		blind(described, real, thief)
		ours, theirs := newKey(t, srtp.AEADAES128GCM), newKey(t, srtp.AESCM128HMACSHA1x80)
		r.apply(under(agreed(described.addr()), ours, theirs))
		time.Sleep(50 * time.Millisecond)
		to := r.session.socket.RTP()
		forger := newVoice(t, newKey(t, srtp.AESCM128HMACSHA1x80), 66, 1)
		v := newVoice(t, theirs, 7, 1)
		for range 20 {
			send(t, thief.rtp, to, forger.packet(t))
			(&voice{ssrc: 8, seed: 3}).talk(t, thief.rtp, to, 1)
		}
		st := r.session.Stats()
		assert.False(t, st.Latched)
		assert.EqualValues(t, 40, st.Unauthenticated)
		assert.Zero(t, st.PacketsReceived)
		assert.Equal(t, described.addr(), st.Remote)

		var wires [][]byte
		for range 20 {
			wires = append(wires, v.packet(t))
			send(t, real.rtp, to, wires[len(wires)-1])
			time.Sleep(20 * time.Millisecond)
		}
		for _, wire := range wires {
			send(t, real.rtp, to, wire) // replayed
			bad := bytes.Clone(wire)
			bad[len(bad)-1] ^= 1
			bad[3] += 100 // ahead of all
			send(t, real.rtp, to, bad)
		}
		time.Sleep(50 * time.Millisecond)
		st = r.session.Stats()
		assert.True(t, st.Latched)
		assert.Equal(t, real.addr(), st.Remote)
		assert.EqualValues(t, 20, st.PacketsReceived)
		assert.EqualValues(t, 20, st.Replayed)
		assert.EqualValues(t, 60, st.Unauthenticated)
		assert.Zero(t, st.PacketsDuplicate+st.PacketsLost)
		send(t, real.rtcp, netip.AddrPortFrom(to.Addr(), to.Port()+1), []byte{0x80, 203, 0, 1, 0, 0, 0, 7})
		send(t, real.rtcp, netip.AddrPortFrom(to.Addr(), to.Port()+1), append([]byte{0x80, 203, 0, 1, 0, 0, 0, 7}, make([]byte, 20)...))
		time.Sleep(200 * time.Millisecond)
		st = r.session.Stats()
		assert.False(t, st.RemoteBye, "nobody ends a stream without the key")
		assert.Zero(t, st.RTCPReceived)
	})
}

// A new key of the peer, back to the one before as after a negotiation that failed,
// and to none and back: each is followed, what is under way under the key before is
// heard, and no packet of ours uses an index twice.
func TestSecure_KeysChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memnet.Link{}, fixed)
		defer r.close()
		p := r.peer(peerAddr, 4000)
		blind(p)
		ours := newKey(t, srtp.AEADAES128GCM)
		first, second := newKey(t, srtp.AESCM128HMACSHA1x80), newKey(t, srtp.AEADAES256GCM)
		to := r.session.socket.RTP()
		talk := func(v *srtpVoice, packets int) {
			for range packets {
				send(t, p.rtp, to, v.packet(t))
				time.Sleep(20 * time.Millisecond)
			}
		}
		received := func() uint64 { return r.session.Stats().PacketsReceived }
		r.apply(under(agreed(p.addr()), ours, first))
		v := newVoice(t, first, 7, 1)
		talk(v, 10)
		require.EqualValues(t, 10, received())
		ssrc := r.session.Stats().SSRC

		w := newVoice(t, second, 7, 1)
		r.apply(under(agreed(p.addr()), ours, second))
		talk(v, 5) // still under way
		w.seq, w.ts = v.seq, v.ts
		talk(w, 5)
		require.EqualValues(t, 20, received())
		require.Equal(t, ssrc, r.session.Stats().SSRC, "our key is the same")
		time.Sleep(formerKeyGuard)
		v.seq, v.ts = w.seq, w.ts
		talk(v, 3)
		require.EqualValues(t, 20, received())
		require.EqualValues(t, 3, r.session.Stats().Unauthenticated)

		r.apply(under(agreed(p.addr()), ours, first)) // a rollback
		talk(v, 5)
		require.EqualValues(t, 25, received())

		r.apply(agreed(p.addr()))
		time.Sleep(50 * time.Millisecond)
		require.Zero(t, r.session.Stats().Encryption)
		(&voice{ssrc: 7, seed: 1, seq: v.seq, ts: v.ts}).talk(t, p.rtp, to, 5)
		require.EqualValues(t, 30, received())
		r.apply(under(agreed(p.addr()), ours, first))
		v.seq += 5
		talk(v, 5)
		st := r.session.Stats()
		require.EqualValues(t, 35, st.PacketsReceived)
		require.NotEqual(t, ssrc, st.SSRC, "a key taken up again gets another SSRC")
		require.Zero(t, st.SendErrors)
	})
}

// Over the wrap of the sequence number, and over an Apply that changes no key.
func TestSecure_RolloverCounter_RFC3711_3_3_1(t *testing.T) {
	step, a, b := newLoop(t, 0, nil)
	keyA, keyB := newKey(t, srtp.AEADAES128GCM), newKey(t, srtp.AESCM128HMACSHA1x80)
	a.sender.sequence = 65_500
	apply := func() {
		require.NoError(t, a.Apply(under(agreed(b.socket.rtp.local), keyA, keyB)))
		require.NoError(t, b.Apply(under(agreed(a.socket.rtp.local), keyB.Clone(), keyA.Clone())))
	}
	apply()
	for range 200 {
		step()
	}
	require.EqualValues(t, 1, a.shield.protect.ROC())
	receiver := b.shield.unprotect
	apply()
	for range 200 {
		step()
	}
	require.Same(t, receiver, b.shield.unprotect)
	require.EqualValues(t, 1, a.shield.protect.ROC())
	st := b.Stats()
	require.Zero(t, st.PacketsLost+st.Unauthenticated+st.Replayed)
	require.InDelta(t, 200, st.PacketsReceived, 2)
}

func TestSecure_ApplyRefusesHalfOfIt(t *testing.T) {
	_, a, b := newLoop(t, 0, nil)
	key := newKey(t, srtp.AEADAES128GCM)
	require.ErrorContains(t, a.Apply(under(agreed(b.socket.rtp.local), key, nil)), "either direction")
	wiped := newKey(t, srtp.AEADAES128GCM)
	wiped.Wipe()
	require.ErrorIs(t, a.Apply(under(agreed(b.socket.rtp.local), key, wiped)), srtp.ErrWiped)
	for range 2 * maxReceiveKeys {
		require.NoError(t, a.Apply(under(agreed(b.socket.rtp.local), key, newKey(t, srtp.AEADAES128GCM))))
	}
	require.Len(t, a.keyring.receive, maxReceiveKeys)
	require.Len(t, a.keyring.send, 1)
}

func TestSecure_CloseWipesKeys(t *testing.T) {
	step, a, b := newLoop(t, 0, nil)
	keyA, keyB := newKey(t, srtp.AEADAES128GCM), newKey(t, srtp.AEADAES256GCM)
	require.NoError(t, a.Apply(under(agreed(b.socket.rtp.local), keyA, keyB)))
	step()
	send, receive := a.keyring.send[0], a.keyring.receive[0]
	require.True(t, send.Key().Equal(keyA) && receive.Key().Equal(keyB))
	require.NoError(t, a.Close())
	require.False(t, send.Key().Equal(keyA) || receive.Key().Equal(keyB))
	require.True(t, keyA.Equal(keyA.Clone()), "whose key it was, wipes it")
}

// As TestSession_TickDoesNotAllocate, encrypted.
func TestSecure_TickDoesNotAllocate(t *testing.T) {
	for _, suite := range srtp.Suites() {
		t.Run(suite.String(), func(t *testing.T) {
			step, a, b := newLoop(t, 10, func(TapPacket) {})
			encryptLoop(t, suite, a, b)
			for range 1000 {
				step()
			}
			allocs := testing.AllocsPerRun(2, func() {
				for range 2000 {
					step()
				}
			})
			if !raceDetector { // it empties sync.Pools at random, and the ciphers have one
				require.Zero(t, allocs)
			}
			st := a.Stats()
			require.Equal(t, suite, st.Encryption)
			require.Greater(t, st.PacketsReceived, uint64(2500))
			require.Greater(t, st.RTCPReceived, uint64(5))
			require.Zero(t, st.Unauthenticated+st.Replayed+st.SendErrors)
			require.Positive(t, st.Concealed)
		})
	}
}

func encryptLoop(t testing.TB, suite srtp.Suite, a, b *Session) {
	keyA, keyB := newKey(t, suite), newKey(t, suite)
	require.NoError(t, a.Apply(under(agreed(b.socket.rtp.local), keyA, keyB)))
	require.NoError(t, b.Apply(under(agreed(a.socket.rtp.local), keyB, keyA)))
}

// BenchmarkTickSRTP is BenchmarkTick/clean, encrypted: half of the ticks protect one
// packet and half unprotect one.
func BenchmarkTickSRTP(b *testing.B) {
	for _, suite := range append([]srtp.Suite{0}, srtp.Suites()...) {
		b.Run(suite.String(), func(b *testing.B) {
			step, x, y := newLoop(b, 0, nil)
			if suite.Valid() {
				encryptLoop(b, suite, x, y)
			}
			for range 1000 {
				step()
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += 2 {
				step() // two sessions
			}
		})
	}
}
