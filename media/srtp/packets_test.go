package srtp

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"
)

func TestPackets_DoNotAllocate(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite Suite) {
		s, r := pairOf(t, suite)
		buf, dst := packetOf(0, testSSRC, 160), make([]byte, 1500)
		report, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 7}, rtcp.NewCNAMESourceDescription(7, "us@here")})
		require.NoError(t, err)
		report = append(make([]byte, 0, 300), report...)
		n := uint16(0)
		round := func() {
			n++
			binary.BigEndian.PutUint16(buf[2:], n)
			wire, err := s.RTP(buf)
			if err == nil {
				_, err = r.RTP(dst, wire)
			}
			if err == nil {
				_, _ = r.RTP(dst, wire) // replayed
				wire, err = s.RTCP(report)
			}
			if err == nil {
				_, err = r.RTCP(dst, wire)
			}
			if err != nil {
				t.Error(err)
			}
		}
		round()
		if allocs := testing.AllocsPerRun(1000, round); !raceDetector { // which empties sync.Pools at random
			require.Zero(t, allocs)
		}
	})
}

func BenchmarkRTP(b *testing.B) {
	for _, suite := range Suites() {
		b.Run("protect/"+suite.String(), func(b *testing.B) {
			s, _ := pairOf(b, suite)
			buf := packetOf(0, testSSRC, 160)
			b.ReportAllocs()
			n := uint16(0)
			for b.Loop() {
				n++
				binary.BigEndian.PutUint16(buf[2:], n)
				if _, err := s.RTP(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("unprotect/"+suite.String(), func(b *testing.B) {
			s, r := pairOf(b, suite)
			wires := make([][]byte, wrap)
			for n := range wires {
				wires[n], _ = s.RTP(packetOf(uint16(n), testSSRC, 160))
			}
			dst := make([]byte, 1500)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n == len(wires) {
					n, r.rtp = 0, streams{list: r.rtp.list[:0]}
				}
				if _, err := r.RTP(dst, wires[n]); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}

// FuzzUnprotect: whatever comes, nothing panics, what did not come from the key's
// owner is not taken, and the owner is heard afterwards.
func FuzzUnprotect(f *testing.F) {
	for _, suite := range Suites() {
		s, _ := pairOf(f, suite)
		wire, err := s.RTP(packetOf(9, testSSRC, 20))
		require.NoError(f, err)
		f.Add(byte(suite), wire)
		report, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 7}})
		require.NoError(f, err)
		wire, err = s.RTCP(append(make([]byte, 0, 100), report...))
		require.NoError(f, err)
		f.Add(byte(suite), wire)
	}
	extended, err := (&rtp.Packet{Header: rtp.Header{Version: 2, Extension: true, ExtensionProfile: 0xC0DE, SSRC: 1, CSRC: []uint32{1, 2}}, Payload: make([]byte, 30)}).Marshal()
	require.NoError(f, err)
	f.Add(byte(1), extended)
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		suite := Suites()[int(which)%len(Suites())]
		s, r := pairOf(t, suite)
		if which&0x80 != 0 {
			r.key.mki = []byte{1, 2, 3}
			var err error
			r.context, err = newContext(r.key)
			require.NoError(t, err)
		}
		dst := make([]byte, len(data), len(data)+300)
		before := bytes.Clone(data)
		for range 2 {
			_, err := r.RTP(dst, data)
			require.Error(t, err)
			_, err = r.RTCP(dst, data)
			require.Error(t, err)
		}
		require.Equal(t, before, data)
		if which&0x80 == 0 {
			wire, err := s.RTP(packetOf(1, testSSRC, 20))
			require.NoError(t, err)
			_, err = r.RTP(dst[:cap(dst)], wire)
			require.NoError(t, err)
		}
		if out, err := s.RTP(append(make([]byte, 0, len(data)+MaxOverhead), data...)); err == nil {
			require.Len(t, out, len(data)+suite.info().rtp)
		}
	})
}
