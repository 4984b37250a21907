package exchange

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRealSockets_RegisterCallAndEcho runs the same over the operating system.
func TestRealSockets_RegisterCallAndEcho(t *testing.T) {
	ex, err := Start(Config{Users: []User{{Name: "alice", Password: "open sesame"}}})
	require.NoError(t, err)
	defer ex.Close()
	for _, network := range []string{"udp", "tcp"} {
		p := dialPhone(t, network, ex.Addr())
		require.Equal(t, 200, p.register().StatusCode)
		assert.True(t, ex.Registered("alice"))

		media, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		require.NoError(t, err)
		port := media.LocalAddr().(*net.UDPAddr).Port
		c := p.call("600", sdpFor(netip.MustParseAddr("127.0.0.1"), port, "sendrecv"))
		ok := p.response(200)
		c.answered(ok)
		to, _ := mediaOf(ok.Body())
		sent, _ := (&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 9, Timestamp: 8, SSRC: 7}, Payload: []byte("hello")}).Marshal()
		_, err = media.WriteTo(sent, net.UDPAddrFromAddrPort(to))
		require.NoError(t, err)
		require.NoError(t, media.SetReadDeadline(time.Now().Add(5*time.Second)))
		buf := make([]byte, 1500)
		n, err := media.Read(buf)
		require.NoError(t, err)
		assert.Equal(t, "hello", string(buf[12:n]))
		c.send("BYE", "")
		p.response(200)
		require.NoError(t, media.Close())
		p.close()
	}
	require.NoError(t, ex.Close())
	again, err := Start(Config{Addr: ex.Addr()})
	require.NoError(t, err, "the address is free at once")
	require.NoError(t, again.Close())
}

// dialPhone is a scripted phone on a real socket.
func dialPhone(t *testing.T, network, addr string) *phone {
	t.Helper()
	c, err := net.Dial(network, addr)
	require.NoError(t, err)
	p := &phone{t: t, name: "alice", password: "open sesame", addr: netip.MustParseAddrPort(c.LocalAddr().String()),
		tcp: network == "tcp", inbox: make(chan string, 100), close: func() { _ = c.Close() }}
	p.write = func(b []byte) { _, _ = c.Write(b) }
	go p.receive(c)
	return p
}
