package e2e

import (
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/g711"
)

// capturedALaw decodes the A-law RTP packets of a classic pcap file of
// Ethernet, IPv4 and UDP, in the order of the file.
func capturedALaw(t testing.TB, path string) []int16 {
	t.Helper()
	const fileHeader, recordHeader, headers, rtpHeader = 24, 16, 14 + 20 + 8, 12
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, uint32(0xa1b2c3d4), binary.LittleEndian.Uint32(raw))
	var samples []int16
	for raw = raw[fileHeader:]; len(raw) >= recordHeader; {
		n := int(binary.LittleEndian.Uint32(raw[8:]))
		packet := raw[recordHeader : recordHeader+n]
		raw = raw[recordHeader+n:]
		payload := packet[headers+rtpHeader:]
		decoded := make([]int16, len(payload))
		g711.DecodePCMA(decoded, payload)
		samples = append(samples, decoded...)
	}
	require.NotEmpty(t, samples)
	return samples
}

func tshark(t testing.TB, args ...string) []string {
	t.Helper()
	cmd := exec.Command("tshark", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "tshark %v: %s", args, stderr.String())
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
}

// tshark finds SIP, SDP, RTP and RTCP in what --pcap writes, nothing malformed,
// and as many packets as the program says it sent.
func TestTshark_ReadsOurCapture(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			capture := filepath.Join(t.TempDir(), "call.pcap")
			s := makeSaid(t, "early.wav")
			p := softphone(t, append([]string{"call", "600", "--json", "--transport", transport, "--pcap", capture, "--play", s.path, "--tail", "3s", "--dtmf", "12"},
				account(asterPB, "alice")...)...)
			r := p.done(40 * time.Second)

			// The PBX's port may be one that tshark takes for something else, such as
			// 13400 for DoIP.
			_, port, err := net.SplitHostPort(asterPB.addr())
			require.NoError(t, err)
			file := []string{"-r", capture, "-d", transport + ".port==" + port + ",sip"}
			count := func(filter string) int { return len(tshark(t, append(slices.Clone(file), "-Y", filter)...)) }
			protocols := map[string]int{}
			for _, name := range tshark(t, append(slices.Clone(file), "-T", "fields", "-e", "_ws.col.Protocol")...) {
				protocols[name]++
			}
			t.Logf("packets by protocol: %v", protocols)
			require.Zero(t, count("_ws.malformed"))
			require.Zero(t, count("_ws.expert.severity == error"))
			require.Positive(t, count(`sip.Method == "INVITE" && sdp`))
			require.Positive(t, count(`sip.Status-Code == 200 && sdp`))
			require.Positive(t, count(`sip.Method == "BYE"`))
			require.Positive(t, count("rtcp"))
			require.Positive(t, count("rtpevent"))
			require.EqualValues(t, r.number("packets_sent")+r.number("packets_received"), count("rtp"))
			require.Zero(t, count(`sip.auth.digest.response contains "secret"`))
		})
	}
}
