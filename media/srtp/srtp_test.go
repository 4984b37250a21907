package srtp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pion/rtcp"
	pion "github.com/pion/srtp/v3"
	"github.com/stretchr/testify/require"
)

const testSSRC = 0xcafebabe

func packetOf(sequence uint16, ssrc uint32, payload int) []byte {
	b := make([]byte, minRTP+payload, minRTP+payload+MaxOverhead)
	b[0] = 0x80
	binary.BigEndian.PutUint16(b[2:], sequence)
	binary.BigEndian.PutUint32(b[4:], uint32(sequence)*160)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	for i := range b[minRTP:] {
		b[minRTP+i] = byte(i) + byte(sequence)
	}
	return b
}

func keyOf(t testing.TB, suite Suite) *Key {
	key, err := GenerateKey(suite, nil)
	require.NoError(t, err)
	return key
}

func pairOf(t testing.TB, suite Suite) (*Sender, *Receiver) {
	key := keyOf(t, suite)
	s, err := NewSender(key)
	require.NoError(t, err)
	r, err := NewReceiver(key, nil)
	require.NoError(t, err)
	return s, r
}

func eachSuite(t *testing.T, f func(t *testing.T, suite Suite)) {
	for _, suite := range Suites() {
		t.Run(suite.String(), func(t *testing.T) { f(t, suite) })
	}
}

// peerOf is pion by itself, with its own rollover counters.
func peerOf(t testing.TB, key *Key) *pion.Context {
	master, salt := key.split()
	c, err := pion.CreateContext(master, salt, key.suite.info().profile, pion.SRTPReplayProtection(64), pion.SRTCPReplayProtection(64))
	require.NoError(t, err)
	return c
}

// Key, salt, packet and result are widely used to check that two SRTPs agree.
func TestSender_KnownAnswer(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		require.NoError(t, err)
		return b
	}
	plain := unhex("800f1234decafbadcafebabeabababababababababababababababab")
	for _, c := range []struct {
		suite  Suite
		secret string
		want   string
	}{
		{AESCM128HMACSHA1x80, "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6",
			"800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"},
		{AEADAES128GCM, "000102030405060708090a0b0c0d0e0fa0a1a2a3a4a5a6a7a8a9aaab",
			"800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392"},
	} {
		key := &Key{suite: c.suite, secret: unhex(c.secret)}
		s, err := NewSender(key)
		require.NoError(t, err)
		got, err := s.RTP(append(make([]byte, 0, 100), plain...))
		require.NoError(t, err)
		require.Equal(t, c.want, hex.EncodeToString(got))
		r, err := NewReceiver(key, nil)
		require.NoError(t, err)
		back, err := r.RTP(make([]byte, 0, 100), got)
		require.NoError(t, err)
		require.Equal(t, plain, back)
	}
}

// Over two wraps, both ways, against pion by itself.
func TestPeer_BothWaysOverWraps(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite Suite) {
		key := keyOf(t, suite)
		ours, err := NewSender(key)
		require.NoError(t, err)
		peer, theirs := peerOf(t, key), peerOf(t, key)
		receiver, err := NewReceiver(key, nil)
		require.NoError(t, err)
		dst := make([]byte, 1500)
		for n := range 2*wrap + 5000 {
			if n%50 != 0 && uint16(n-30) > 60 { // all at the wraps, some in between
				continue
			}
			plain := packetOf(uint16(n), testSSRC, 160)
			wire, err := ours.RTP(append(make([]byte, 0, 300), plain...))
			require.NoError(t, err)
			require.Len(t, wire, len(plain)+suite.info().rtp)
			back, err := peer.DecryptRTP(nil, wire, nil)
			require.NoError(t, err, n)
			require.Equal(t, plain, back)

			wire, err = theirs.EncryptRTP(nil, plain, nil)
			require.NoError(t, err)
			back, err = receiver.RTP(dst, wire)
			require.NoError(t, err, n)
			require.Equal(t, plain, back)
		}
		require.EqualValues(t, 2, ours.ROC())
	})
}

func TestPeer_RTCPBothWays(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite Suite) {
		key := keyOf(t, suite)
		ours, err := NewSender(key)
		require.NoError(t, err)
		receiver, err := NewReceiver(key, nil)
		require.NoError(t, err)
		peer, theirs := peerOf(t, key), peerOf(t, key)
		dst := make([]byte, 1500)
		for range 5 {
			plain, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 7, PacketCount: rand.Uint32()}, rtcp.NewCNAMESourceDescription(7, "us@here")})
			require.NoError(t, err)
			wire, err := ours.RTCP(append(make([]byte, 0, 300), plain...))
			require.NoError(t, err)
			require.Len(t, wire, len(plain)+suite.info().rtcp)
			back, err := peer.DecryptRTCP(nil, wire, nil)
			require.NoError(t, err)
			require.Equal(t, plain, back)

			wire, err = theirs.EncryptRTCP(nil, plain, nil)
			require.NoError(t, err)
			back, err = receiver.RTCP(dst, wire)
			require.NoError(t, err)
			require.Equal(t, plain, back)
			_, err = receiver.RTCP(dst, wire)
			require.ErrorIs(t, err, ErrReplayed)
			wire[9] ^= 1
			wire, err = theirs.EncryptRTCP(nil, plain, nil)
			require.NoError(t, err)
			wire[9] ^= 1
			_, err = receiver.RTCP(dst, wire)
			require.ErrorIs(t, err, ErrForged)
		}
	})
}

func TestReceiver_MKI_RFC4568_6_1(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite Suite) {
		key := keyOf(t, suite)
		key.mki = []byte{0, 7}
		receiver, err := NewReceiver(key, nil)
		require.NoError(t, err)
		master, salt := key.split()
		peer, err := pion.CreateContext(master, salt, suite.info().profile, pion.MasterKeyIndicator(key.mki))
		require.NoError(t, err)
		plain := packetOf(1, testSSRC, 160)
		wire, err := peer.EncryptRTP(nil, plain, nil)
		require.NoError(t, err)
		back, err := receiver.RTP(make([]byte, 300), wire)
		require.NoError(t, err)
		require.Equal(t, plain, back)
		report, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 7}})
		require.NoError(t, err)
		wire, err = peer.EncryptRTCP(nil, report, nil)
		require.NoError(t, err)
		back, err = receiver.RTCP(make([]byte, 300), wire)
		require.NoError(t, err)
		require.Equal(t, report, back)
		_, err = receiver.RTCP(make([]byte, 300), wire)
		require.ErrorIs(t, err, ErrReplayed)
		_, err = NewSender(key)
		require.ErrorIs(t, err, ErrUnsupported)
	})
}

func TestReceiver_ForgedAndReplayed(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite Suite) {
		s, r := pairOf(t, suite)
		dst := make([]byte, 1500)
		var wires [][]byte
		for n := range uint16(300) {
			wire, err := s.RTP(packetOf(n, testSSRC, 160))
			require.NoError(t, err)
			wires = append(wires, wire)
		}
		order := rand.Perm(100)
		for _, n := range order { // any order within the window, each once
			_, err := r.RTP(dst, wires[n])
			require.NoError(t, err)
		}
		for _, n := range order {
			_, err := r.RTP(dst, wires[n])
			require.ErrorIs(t, err, ErrReplayed)
		}
		for i := range wires[100] { // every octet is protected
			bad := bytes.Clone(wires[100])
			bad[i] ^= 0x10
			_, err := r.RTP(dst, bad)
			require.Error(t, err, "octet %d", i)
			require.NotEqual(t, bad, wires[100])
		}
		for n := range wires[100] { // and so is the length
			_, err := r.RTP(dst, wires[100][:n])
			require.Error(t, err)
		}
		_, err := r.RTP(dst, wires[100])
		require.NoError(t, err, "forged ones did not take its place")
		_, err = r.RTP(dst, wires[299])
		require.NoError(t, err)
		_, err = r.RTP(dst, wires[299-replayWindow])
		require.ErrorIs(t, err, ErrReplayed, "too old to tell")
		_, err = r.RTP(dst, wires[299-replayWindow+1])
		require.NoError(t, err)
		_, err = r.RTP(dst[:10:10], wires[298])
		require.ErrorIs(t, err, ErrShortBuffer)
		_, err = r.RTP(dst, packetOf(400, testSSRC, 160))
		require.ErrorIs(t, err, ErrForged, "in the clear")
	})
}

// The first packets are lost at a wrap: the first that comes has a rollover counter of
// 1 already, and one from before the wrap may come after it.
func TestReceiver_FirstPacketAfterTheWrap_RFC3711_3_3_1(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite Suite) {
		s, r := pairOf(t, suite)
		dst := make([]byte, 1500)
		var wires [][]byte
		for n := range 40 {
			wire, err := s.RTP(packetOf(uint16(wrap-20+n), testSSRC, 20))
			require.NoError(t, err)
			wires = append(wires, wire)
		}
		for _, n := range []int{25, 15, 26, 19, 20, 39} {
			_, err := r.RTP(dst, wires[n])
			require.NoError(t, err, n)
		}
		for _, n := range []int{25, 15, 26, 19, 20, 39} {
			_, err := r.RTP(dst, wires[n])
			require.ErrorIs(t, err, ErrReplayed)
		}
	})
}

// More than half a round of packets is lost: sound is back within a few packets, and
// what was heard before is still replayed.
func TestReceiver_LongLoss(t *testing.T) {
	for _, lost := range []int{40_000, 60_000, 100_000, 200_000} {
		t.Run(fmt.Sprint(lost), func(t *testing.T) {
			s, r := pairOf(t, AEADAES128GCM)
			dst := make([]byte, 1500)
			old, err := s.RTP(packetOf(100, testSSRC, 20))
			require.NoError(t, err)
			_, err = r.RTP(dst, old)
			require.NoError(t, err)
			back := -1
			for n := range lost + 30 {
				if n < lost && n%10_000 != 0 { // the sender need not say them all
					continue
				}
				wire, err := s.RTP(packetOf(uint16(101+n), testSSRC, 20))
				require.NoError(t, err)
				if n < lost {
					continue
				}
				if _, err = r.RTP(dst, wire); err == nil && back < 0 {
					back = n - lost
				} else if back >= 0 {
					require.NoError(t, err)
				}
			}
			t.Logf("back after %d packets", back)
			require.True(t, back >= 0 && back <= lostTrack+roundsAhead)
			_, err = r.RTP(dst, old)
			require.Error(t, err)
		})
	}
}

// A peer that changes its key may go on with its rollover counter or begin anew.
func TestReceiver_NewKeyAfterAWrap(t *testing.T) {
	for name, goesOn := range map[string]bool{"goes on": true, "begins anew": false} {
		t.Run(name, func(t *testing.T) {
			s, r := pairOf(t, AESCM128HMACSHA1x80)
			dst := make([]byte, 1500)
			for n := 0; n <= wrap+100; n += 100 {
				wire, err := s.RTP(packetOf(uint16(n), testSSRC, 20))
				require.NoError(t, err)
				_, err = r.RTP(dst, wire)
				require.NoError(t, err)
			}
			key := keyOf(t, AEADAES256GCM)
			peer := peerOf(t, key)
			if goesOn {
				peer.SetROC(testSSRC, 1)
			}
			next, err := NewReceiver(key, r)
			require.NoError(t, err)
			for n := range uint16(10) {
				wire, err := peer.EncryptRTP(nil, packetOf(101+n, testSSRC, 20), nil)
				require.NoError(t, err)
				_, err = next.RTP(dst, wire)
				require.NoError(t, err)
			}
			require.Equal(t, goesOn, next.rtp.find(testSSRC).newest >= wrap)
		})
	}
}

func TestReceiver_ManySSRCs(t *testing.T) {
	s, r := pairOf(t, AEADAES128GCM)
	dst := make([]byte, 1500)
	for ssrc := range uint32(1000) {
		wire, err := s.RTP(packetOf(uint16(ssrc), ssrc, 20))
		require.NoError(t, err)
		_, err = r.RTP(dst, wire)
		require.NoError(t, err)
		_, err = r.RTP(dst, wire)
		require.ErrorIs(t, err, ErrReplayed)
		_, err = r.RTP(dst, packetOf(uint16(ssrc), 1_000_000+ssrc, 20))
		require.ErrorIs(t, err, ErrForged)
	}
	require.Len(t, r.rtp.list, maxStreams)
	require.Less(t, r.strangers, 256)
}

func TestSender_UsesNoIndexTwice(t *testing.T) {
	s, _ := pairOf(t, AESCM128HMACSHA1x80)
	send := func(n uint16) error { return second(s.RTP(packetOf(n, testSSRC, 20))) }
	require.NoError(t, send(5))
	require.ErrorIs(t, send(5), ErrReplayed)
	require.ErrorIs(t, send(4), ErrReplayed)
	require.NoError(t, send(6))
	s.index = maxIndex
	require.ErrorIs(t, send(0), ErrExhausted)
	require.ErrorIs(t, second(s.RTP(make([]byte, 11, 40))), ErrMalformed)
	require.ErrorIs(t, second(s.RTP(make([]byte, 12, 21))), ErrShortBuffer)
	require.ErrorIs(t, second(s.RTCP(make([]byte, 7, 40))), ErrMalformed)
	require.ErrorIs(t, second(s.RTCP(make([]byte, 8, 21))), ErrShortBuffer)
}
