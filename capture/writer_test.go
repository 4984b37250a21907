package capture

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	ap    = netip.MustParseAddrPort
	began = time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	// A message of 97 octets; most tests need no more.
	options = []byte("OPTIONS sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nCSeq: 1 OPTIONS\r\n\r\n")
)

// packets reads a capture back with gopacket and checks every checksum.
func packets(t *testing.T, file []byte) []gopacket.Packet {
	t.Helper()
	r, err := pcapgo.NewReader(bytes.NewReader(file))
	require.NoError(t, err)
	require.Equal(t, layers.LinkTypeRaw, r.LinkType())
	var all []gopacket.Packet
	for {
		data, info, err := r.ReadPacketData()
		if err != nil {
			break
		}
		p := gopacket.NewPacket(data, layers.LinkTypeRaw, gopacket.Default)
		p.Metadata().CaptureInfo = info
		if info.CaptureLength == info.Length {
			require.Nil(t, p.ErrorLayer(), "%v", p)
			checkSums(t, p)
		}
		all = append(all, p)
	}
	return all
}

func checkSums(t *testing.T, p gopacket.Packet) {
	t.Helper()
	if ip, ok := p.NetworkLayer().(*layers.IPv4); ok {
		require.Zero(t, fold(sum(0, ip.Contents)), "IPv4 header")
	}
	switch l := p.TransportLayer().(type) {
	case *layers.UDP:
		require.NoError(t, l.SetNetworkLayerForChecksum(p.NetworkLayer()))
		err, result := l.VerifyChecksum()
		require.NoError(t, err)
		require.True(t, result.Valid, "%+v", result)
		require.NotZero(t, l.Checksum)
	case *layers.TCP:
		require.NoError(t, l.SetNetworkLayerForChecksum(p.NetworkLayer()))
		err, result := l.VerifyChecksum()
		require.NoError(t, err)
		require.True(t, result.Valid, "%+v", result)
	default:
		require.Fail(t, "no transport", "%v", p)
	}
}

func payload(p gopacket.Packet) string {
	if a := p.ApplicationLayer(); a != nil {
		return string(a.LayerContents())
	}
	return string(p.TransportLayer().LayerPayload())
}

func TestCreate_UDP(t *testing.T) {
	path := filepath.Join(t.TempDir(), "call.pcap")
	require.NoError(t, os.WriteFile(path, make([]byte, 9999), 0o644))
	c, err := Create(path)
	require.NoError(t, err)
	local, remote := ap("192.0.2.1:40000"), ap("192.0.2.2:5070")
	c.SIP(began, true, "UDP", local, remote, options)
	c.SIP(began.Add(time.Millisecond), false, "udp", local, remote, []byte("SIP/2.0 200 OK\r\n\r\n"))
	c.RTP(began.Add(time.Second), true, ap("[2001:db8::1]:4000"), ap("[2001:db8::2]:4002"), bytes.Repeat([]byte{0x80, 7}, 86))
	c.RTP(began.Add(time.Second), false, ap("192.0.2.1:4000"), ap("192.0.2.2:4002"), []byte{1, 2, 3})
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	c.SIP(began, true, "UDP", local, remote, options)
	c.RTP(began, true, local, remote, options)
	assert.Zero(t, c.Dropped())

	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "captures hold private speech")
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	all := packets(t, file)
	require.Len(t, all, 4)
	assert.Equal(t, "192.0.2.1->192.0.2.2 40000->5070", all[0].NetworkLayer().NetworkFlow().String()+" "+all[0].TransportLayer().TransportFlow().String())
	assert.Equal(t, string(options), payload(all[0]))
	assert.True(t, all[0].Metadata().Timestamp.Equal(began))
	assert.Equal(t, "192.0.2.2->192.0.2.1 5070->40000", all[1].NetworkLayer().NetworkFlow().String()+" "+all[1].TransportLayer().TransportFlow().String())
	assert.Equal(t, "2001:db8::1->2001:db8::2", all[2].NetworkLayer().NetworkFlow().String())
	assert.Len(t, payload(all[2]), 172)
	assert.Equal(t, "\x01\x02\x03", payload(all[3]))
}

// TestSIP_TCPStreams follows the sequence numbers as a receiver does, in both
// directions of two connections.
func TestSIP_TCPStreams_RFC9293_3_8(t *testing.T) {
	var file bytes.Buffer
	c := New(&file, Options{})
	local, remote, other := ap("192.0.2.1:40000"), ap("192.0.2.2:5060"), ap("[2001:db8::3]:5060")
	long := append(bytes.Clone(options), bytes.Repeat([]byte("x"), 10_000)...)
	c.SIP(began, true, "TCP", local, remote, long)
	c.SIP(began, false, "TLS", ap("[2001:db8::1]:5061"), other, options)
	c.SIP(began, false, "TCP", local, remote, options)
	c.SIP(began, true, "TCP", local, remote, []byte("\r\n\r\n"))
	c.SIP(began, true, "TCP", ap("[2001:db8::1]:5061"), other, long)
	require.NoError(t, c.Close())

	type end struct{ network, transport gopacket.Flow }
	next, got := map[end]uint32{}, map[string]*strings.Builder{}
	syn := 0
	for _, p := range packets(t, file.Bytes()) {
		tcp := p.TransportLayer().(*layers.TCP)
		from := end{p.NetworkLayer().NetworkFlow(), tcp.TransportFlow()}
		back := end{from.network.Reverse(), from.transport.Reverse()}
		if tcp.SYN {
			syn++
			next[from] = tcp.Seq + 1
			if syn%2 == 1 {
				assert.False(t, tcp.ACK)
				continue
			}
		}
		assert.True(t, tcp.ACK)
		assert.Equal(t, next[back], tcp.Ack, "acknowledges all that came before")
		if tcp.SYN {
			continue
		}
		require.Equal(t, next[from], tcp.Seq, "continues where the last one ended")
		next[from] += uint32(len(tcp.Payload))
		key := from.network.Src().String()
		if got[key] == nil {
			got[key] = &strings.Builder{}
		}
		got[key].Write(tcp.Payload)
	}
	assert.Equal(t, 4, syn, "two handshakes")
	assert.Equal(t, string(long)+"\r\n\r\n", got["192.0.2.1"].String())
	assert.Equal(t, string(options), got["192.0.2.2"].String())
	assert.Equal(t, string(options), got["2001:db8::3"].String())
	assert.Equal(t, string(long), got["2001:db8::1"].String())
}

func TestSIP_CredentialsAreMasked(t *testing.T) {
	message := []byte(crlf("REGISTER sip:r SIP/2.0\nAuthorization: Digest response=\"" + hex32 + "\"\n\n"))
	for _, keep := range []bool{false, true} {
		var file bytes.Buffer
		c := New(&file, Options{KeepCredentials: keep})
		c.SIP(began, true, "UDP", ap("192.0.2.1:5060"), ap("192.0.2.2:5060"), message)
		require.NoError(t, c.Close())
		assert.Equal(t, keep, bytes.Contains(file.Bytes(), []byte(hex32)))
		assert.Len(t, payload(packets(t, file.Bytes())[0]), len(message))
	}
}

func TestNewFlow_OneFamily(t *testing.T) {
	cases := []struct{ from, to, want string }{
		{"192.0.2.1:1", "192.0.2.2:2", "192.0.2.1:1 192.0.2.2:2"},
		{"[::ffff:192.0.2.1]:1", "192.0.2.2:2", "192.0.2.1:1 192.0.2.2:2"},
		{"[::]:1", "192.0.2.2:2", "0.0.0.0:1 192.0.2.2:2"},
		{"192.0.2.2:2", "[::]:1", "192.0.2.2:2 0.0.0.0:1"},
		{"0.0.0.0:1", "[2001:db8::1]:2", "[::]:1 [2001:db8::1]:2"},
		{"192.0.2.2:2", "[2001:db8::1]:2", "[::ffff:192.0.2.2]:2 [2001:db8::1]:2"},
		{"", "192.0.2.2:2", "0.0.0.0:0 192.0.2.2:2"},
		{"[2001:db8::1]:2", "", "[2001:db8::1]:2 [::]:0"},
		{"", "", "0.0.0.0:0 0.0.0.0:0"},
	}
	for _, c := range cases {
		from, _ := netip.ParseAddrPort(c.from)
		to, _ := netip.ParseAddrPort(c.to)
		f := newFlow(from, to)
		assert.Equal(t, c.want, f.from.String()+" "+f.to.String())
	}
	var file bytes.Buffer
	c := New(&file, Options{})
	c.RTP(time.Time{}, true, netip.AddrPort{}, netip.AddrPort{}, nil)
	require.NoError(t, c.Close())
	require.Len(t, packets(t, file.Bytes()), 1)
}

func TestLargeDatagramsAreCut(t *testing.T) {
	var file bytes.Buffer
	c := New(&file, Options{})
	local, remote := ap("192.0.2.1:4000"), ap("192.0.2.2:4002")
	c.RTP(began, true, local, remote, make([]byte, 5000))
	c.SIP(began, true, "UDP", local, remote, make([]byte, 100_000))
	require.NoError(t, c.Close())
	r, err := pcapgo.NewReader(bytes.NewReader(file.Bytes()))
	require.NoError(t, err)
	_, info, err := r.ReadPacketData()
	require.NoError(t, err)
	assert.Equal(t, 28+5000, info.Length)
	assert.Equal(t, 28+kept, info.CaptureLength)
	_, info, err = r.ReadPacketData()
	require.NoError(t, err)
	assert.Equal(t, maxDatagram, info.Length)
}

func TestConnectionsAreBounded(t *testing.T) {
	var file bytes.Buffer
	d := newDump(&file)
	for i := range maxConnections + 50 {
		from := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(i+1000))
		d.tcp(began, newFlow(from, ap("192.0.2.2:5060")), options)
	}
	assert.Len(t, d.streams, maxConnections)
}

func TestRTP_NeitherBlocksNorAllocates(t *testing.T) {
	c := prepare(nil, "x", Options{Queue: 8}) // nobody empties the queue
	local, remote, packet := ap("192.0.2.1:4000"), ap("192.0.2.2:4002"), make([]byte, 172)
	assert.Zero(t, testing.AllocsPerRun(1000, func() { c.RTP(began, true, local, remote, packet) }))
	assert.EqualValues(t, 1001-8, c.Dropped())
	for range 2 * sipQueue {
		c.SIP(began, true, "UDP", local, remote, options)
	}
	assert.EqualValues(t, 1001-8+sipQueue, c.Dropped())

	var file bytes.Buffer
	go c.run(&file)
	require.NoError(t, c.Close())
	assert.Len(t, packets(t, file.Bytes()), 8+sipQueue)
	assert.Len(t, c.free, 8, "all buffers came back")
	assert.Zero(t, c.waiting.Load())

	c = New(&bytes.Buffer{}, Options{})
	assert.Zero(t, testing.AllocsPerRun(1000, func() { c.RTP(began, true, local, remote, packet) }), "with its writer at work")
	require.NoError(t, c.Close())
}

// The writer runs beside the media path: what it left behind for the garbage
// collector would be paid there.
func TestDump_RTPAllocatesNothing(t *testing.T) {
	d, f := newDump(io.Discard), newFlow(ap("192.0.2.1:4000"), ap("192.0.2.2:4002"))
	packet := make([]byte, 172)
	assert.Zero(t, testing.AllocsPerRun(1000, func() { d.udp(began, f, packet, len(packet)) }))
}

func TestManyWriters(t *testing.T) {
	var file bytes.Buffer
	c := New(&file, Options{Queue: 64})
	local, remote := ap("192.0.2.1:4000"), ap("192.0.2.2:4002")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				c.RTP(began, true, local, remote, make([]byte, 172))
				c.SIP(began, false, "TCP", local, remote, options)
			}
		})
	}
	wg.Wait()
	require.NoError(t, c.Close())
	n := 0
	for _, p := range packets(t, file.Bytes()) {
		if len(p.TransportLayer().LayerPayload()) > 0 {
			n++
		}
	}
	assert.EqualValues(t, 8000, uint64(n)+c.Dropped())
}

// failing is a disk that is full after so many octets.
type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errors.New("no space left on device")
	}
	return len(p), nil
}

func TestErrors(t *testing.T) {
	_, err := Create(filepath.Join(t.TempDir(), "no", "such", "x.pcap"))
	assert.ErrorContains(t, err, "cannot create the capture file")
	assert.ErrorIs(t, err, os.ErrNotExist)

	c := New(&failing{left: 100}, Options{})
	for range 100 {
		c.SIP(began, true, "UDP", ap("192.0.2.1:1"), ap("192.0.2.2:2"), options)
	}
	err = c.Close()
	assert.ErrorContains(t, err, "is not complete: no space left on device")
	assert.Equal(t, err, c.Err())
}

func TestFileCanBeReadWhileItGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "call.pcap")
		c, err := Create(path)
		require.NoError(t, err)
		c.SIP(began, true, "UDP", ap("192.0.2.1:1"), ap("192.0.2.2:2"), options)
		time.Sleep(flushPeriod + time.Millisecond)
		synctest.Wait()
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Len(t, packets(t, file), 1)
		require.NoError(t, c.Close())
		assert.NoError(t, c.Err())
	})
}

func BenchmarkRTP(b *testing.B) {
	c := New(&failing{}, Options{})
	local, remote, packet := ap("192.0.2.1:4000"), ap("192.0.2.2:4002"), make([]byte, 172)
	b.ReportAllocs()
	for b.Loop() {
		c.RTP(began, true, local, remote, packet)
	}
	b.StopTimer()
	_ = c.Close()
}

func BenchmarkMaskNothing(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Mask(options)
	}
}
