package pcap

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// datagram is one that a capture saw.
type datagram struct {
	at       time.Duration
	from, to uint16
	v6       bool
	payload  []byte
}

// talk is n packets of RTP, 20 ms apart.
func talk(ssrc uint32, to uint16, n int, header rtp.Header) []datagram {
	var out []datagram
	for i := range n {
		h := header
		h.Version, h.SSRC, h.SequenceNumber, h.Timestamp = 2, ssrc, uint16(65530+i), uint32(i*160)
		raw, _ := (&rtp.Packet{Header: h, Payload: bytes.Repeat([]byte{byte(i)}, 160)}).Marshal()
		out = append(out, datagram{at: time.Duration(i) * 20 * time.Millisecond, from: 4000, to: to, payload: raw})
	}
	return out
}

func (d datagram) bytes(t testing.TB, ethernet bool) []byte {
	t.Helper()
	udp := &layers.UDP{SrcPort: layers.UDPPort(d.from), DstPort: layers.UDPPort(d.to)}
	var ip gopacket.SerializableLayer
	kind := layers.EthernetTypeIPv4
	if d.v6 {
		l := &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolUDP, HopLimit: 9, SrcIP: net.ParseIP("2001:db8::1"), DstIP: net.ParseIP("2001:db8::2")}
		require.NoError(t, udp.SetNetworkLayerForChecksum(l))
		ip, kind = l, layers.EthernetTypeIPv6
	} else {
		l := &layers.IPv4{Version: 4, IHL: 5, TTL: 9, Protocol: layers.IPProtocolUDP, SrcIP: net.IPv4(192, 0, 2, 1), DstIP: net.IPv4(192, 0, 2, 2)}
		require.NoError(t, udp.SetNetworkLayerForChecksum(l))
		ip = l
	}
	stack := []gopacket.SerializableLayer{ip, udp, gopacket.Payload(d.payload)}
	if ethernet {
		stack = append([]gopacket.SerializableLayer{&layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: kind}}, stack...)
	}
	b := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, stack...))
	return b.Bytes()
}

// file writes a capture: pcap of raw IP, or pcapng of Ethernet.
func file(t testing.TB, ng bool, datagrams ...datagram) []byte {
	t.Helper()
	var out bytes.Buffer
	info := func(d datagram, raw []byte) gopacket.CaptureInfo {
		return gopacket.CaptureInfo{Timestamp: begin.Add(d.at), CaptureLength: len(raw), Length: len(raw)}
	}
	if ng {
		w, err := pcapgo.NewNgWriter(&out, layers.LinkTypeEthernet)
		require.NoError(t, err)
		for _, d := range datagrams {
			raw := d.bytes(t, true)
			require.NoError(t, w.WritePacket(info(d, raw), raw))
		}
		require.NoError(t, w.Flush())
		return out.Bytes()
	}
	w := pcapgo.NewWriterNanos(&out)
	require.NoError(t, w.WriteFileHeader(65535, layers.LinkTypeRaw))
	for _, d := range datagrams {
		raw := d.bytes(t, false)
		require.NoError(t, w.WritePacket(info(d, raw), raw))
	}
	return out.Bytes()
}

func TestRead_BothFormats(t *testing.T) {
	for _, ng := range []bool{false, true} {
		for _, v6 := range []bool{false, true} {
			datagrams := talk(0xABCD, 5000, 40, rtp.Header{PayloadType: 8, Marker: true})
			for i := range datagrams {
				datagrams[i].v6 = v6
			}
			streams, err := Read(bytes.NewReader(file(t, ng, datagrams...)))
			require.NoError(t, err)
			require.Len(t, streams, 1)
			s := streams[0]
			assert.Equal(t, uint32(0xABCD), s.SSRC)
			assert.Equal(t, uint16(4000), s.From.Port())
			assert.Equal(t, v6, s.To.Addr().Is6())
			assert.Equal(t, "PCMA", s.Codec())
			require.Len(t, s.Packets, 40)
			last := s.Packets[39]
			assert.Equal(t, 780*time.Millisecond, last.At)
			assert.Equal(t, uint16(33), last.Header.SequenceNumber)
			assert.Equal(t, uint32(39*160), last.Header.Timestamp)
			assert.True(t, last.Header.Marker)
			assert.Equal(t, bytes.Repeat([]byte{39}, 160), last.Payload)
		}
	}
}

func TestRead_HeaderWithAllOptions_RFC3550_5_1(t *testing.T) {
	h := rtp.Header{CSRC: []uint32{1, 2}, Extension: true, ExtensionProfile: 0xBEDE}
	require.NoError(t, h.SetExtension(1, []byte{9}))
	datagrams := talk(1, 5000, 20, h)
	for i := range datagrams { // and four bytes of padding
		datagrams[i].payload[0] |= 1 << 5
		datagrams[i].payload = append(datagrams[i].payload, 0, 0, 0, 4)
	}
	streams, err := Read(bytes.NewReader(file(t, false, datagrams...)))
	require.NoError(t, err)
	assert.Len(t, streams[0].Packets[0].Payload, 160)
}

func TestRead_WhatIsNoRTPIsPassedOver(t *testing.T) {
	datagrams := talk(1, 5000, 30, rtp.Header{})
	for i := range 30 {
		at := time.Duration(i) * 20 * time.Millisecond
		datagrams = append(datagrams,
			datagram{at: at, from: 5060, to: 5060, payload: []byte("OPTIONS sip:a@b SIP/2.0\r\n\r\n")},
			datagram{at: at, from: 4001, to: 5001, payload: []byte{0x80, 200, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0}}, // RTCP
			datagram{at: at, from: 9, to: 9, payload: []byte{0x80, 0, byte(i * 97), byte(i * 31), 0, 0, 0, 1, 9, 9, 9, 9, 9}},
			datagram{at: at, from: 9, to: 9},
		)
	}
	datagrams = append(datagrams, talk(2, 5000, 5, rtp.Header{})...) // too few
	streams, err := Read(bytes.NewReader(file(t, false, datagrams...)))
	require.NoError(t, err)
	require.Len(t, streams, 1)
	assert.Len(t, streams[0].Packets, 30)
}

func TestRead_BrokenFiles(t *testing.T) {
	whole := file(t, false, talk(1, 5000, 30, rtp.Header{})...)
	streams, err := Read(bytes.NewReader(whole[:len(whole)-7]))
	require.NoError(t, err, "a capture that was cut off")
	assert.Len(t, streams[0].Packets, 29)
	for name, text := range map[string]string{"empty": "", "text": "this is no capture", "short": "\n\r\r\n"} {
		_, err := Read(strings.NewReader(text))
		require.ErrorIs(t, err, ErrFormat, name)
	}
	_, err = Read(bytes.NewReader(file(t, true)))
	require.Error(t, err)
	_, err = Read(bytes.NewReader(file(t, false, talk(1, 5000, 3, rtp.Header{})...)))
	require.ErrorIs(t, err, ErrNoStream)
}

func TestChoose(t *testing.T) {
	datagrams := talk(1, 5000, 30, rtp.Header{})
	datagrams = append(datagrams, talk(2, 6000, 20, rtp.Header{PayloadType: 111})...)
	second := talk(3, 5000, 25, rtp.Header{})
	for i := range second {
		second[i].at += time.Second
	}
	streams, err := Read(bytes.NewReader(file(t, true, append(datagrams, second...)...)))
	require.NoError(t, err)
	require.Len(t, streams, 3)

	_, err = Choose(streams, nil, 0)
	require.ErrorContains(t, err, "0x00000002")
	require.ErrorContains(t, err, "20 packets of payload type 111")
	ssrc := uint32(2)
	packets, err := Choose(streams, &ssrc, 0)
	require.NoError(t, err)
	assert.Len(t, packets, 20)
	packets, err = Choose(streams, nil, 5000)
	require.NoError(t, err, "an SSRC that changes is one listener's business")
	assert.Len(t, packets, 55)
	_, err = Choose(streams, &ssrc, 5000)
	require.ErrorContains(t, err, "no such stream")
	packets, err = Choose(streams[:1], nil, 0)
	require.NoError(t, err)
	assert.Len(t, packets, 30)
	many := append(append(streams, streams...), streams...)
	_, err = Choose(many, nil, 0)
	require.ErrorContains(t, err, "and 5 more")
}

func FuzzRead(f *testing.F) {
	f.Add(file(f, false, talk(1, 5000, 12, rtp.Header{})...))
	f.Add(file(f, true, talk(1, 5000, 12, rtp.Header{PayloadType: 8})...))
	f.Add([]byte("\n\r\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		streams, err := Read(bytes.NewReader(raw))
		if err == nil && len(streams) == 0 {
			t.Fatal("neither streams nor an error")
		}
		for _, s := range streams {
			if len(s.Packets) < fewest || s.String() == "" {
				t.Fatal(s)
			}
		}
	})
}
