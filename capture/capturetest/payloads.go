// Package capturetest reads captures for tests.
package capturetest

import (
	"os"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"
)

// Payloads returns what a capture's UDP and TCP packets carry, one after the
// other: a message over TCP may lie in several.
func Payloads(t testing.TB, path string) string {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	reader, err := pcapgo.NewReader(f)
	require.NoError(t, err)
	var all strings.Builder
	for packet := range gopacket.NewPacketSource(reader, reader.LinkType()).Packets() {
		if layer := packet.TransportLayer(); layer != nil {
			all.Write(layer.LayerPayload())
		}
	}
	return all.String()
}
