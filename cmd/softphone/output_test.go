package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/audio"
)

// TestSIPTrace_WholeMessagesNoCredentials looks at both digests, over both
// transports.
func TestSIPTrace_WholeMessagesNoCredentials(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			ex := newExchange(t)
			p := as(t, ex, "alice", "call", "600", "--register", "--transport", transport, "--duration", "100ms", "--sip-trace", "--log-level", "debug")
			require.Equal(t, "completed", p.result()["cause"])
			trace := p.stderr.String()
			for _, want := range []string{
				" sent " + transport + " 127.0.0.1:", " received " + transport + " " + ex.Addr(),
				"\nREGISTER sip:", "\nSIP/2.0 401 ", "\nINVITE sip:600@", "\nSIP/2.0 407 ", "\nACK sip:", "\nBYE sip:", "\nSIP/2.0 200 ",
				"\nm=audio ", "\na=rtpmap:", "\nCSeq: ", "\nVia: ", "\nWWW-Authenticate: Digest ", "\nAuthorization: ", "\nProxy-Authorization: ",
			} {
				assert.Contains(t, trace, want)
			}
			assert.NotContains(t, trace+p.stdout.String(), passwords["alice"])
			assert.NotContains(t, trace, "\r")
			for _, response := range regexp.MustCompile(`response="?([0-9a-f]{8,})`).FindAllString(trace, -1) {
				assert.Fail(t, "a digest response is shown", response)
			}
			for _, l := range strings.Split(trace, "\n") {
				if strings.HasPrefix(l, "Authorization:") || strings.HasPrefix(l, "Proxy-Authorization:") {
					assert.NotRegexp(t, `[0-9a-f]{32}`, l, "no digest, neither MD5 nor SHA-256")
				}
			}
		})
	}
}

// TestPcap_ReadsBack counts what a foreign reader finds in the capture.
func TestPcap_ReadsBack(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			ex := newExchange(t)
			path := filepath.Join(t.TempDir(), "call.pcap")
			p := as(t, ex, "alice", "call", "600", "--transport", transport, "--duration", "1s", "--pcap", path)
			r := p.result()
			require.Zero(t, p.code)

			f, err := os.Open(path)
			require.NoError(t, err)
			defer f.Close()
			info, err := f.Stat()
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "private speech")
			reader, err := pcapgo.NewReader(f)
			require.NoError(t, err)
			sip, rtp, rtcp := "", 0, 0
			for packet := range gopacket.NewPacketSource(reader, reader.LinkType()).Packets() {
				require.Nil(t, packet.ErrorLayer())
				if tcp, ok := packet.Layer(layers.LayerTypeTCP).(*layers.TCP); ok {
					assert.Equal(t, "tcp", transport)
					sip += string(tcp.Payload)
					continue
				}
				udp, ok := packet.Layer(layers.LayerTypeUDP).(*layers.UDP)
				require.True(t, ok, "%v", packet)
				body := udp.Payload
				require.Greater(t, len(body), 11)
				switch {
				case body[0]>>6 != 2:
					sip += string(body)
				case body[1] >= 200 && body[1] <= 204:
					rtcp++
				default:
					rtp++
					assert.Len(t, body, 12+160)
				}
			}
			for _, want := range []string{"INVITE sip:600@", "SIP/2.0 407", "SIP/2.0 200 OK", "ACK sip:", "BYE sip:", "m=audio "} {
				assert.Contains(t, sip, want)
			}
			assert.NotRegexp(t, `response="?[0-9a-f]{32}`, sip)
			assert.NotContains(t, sip, passwords["alice"])
			assert.Greater(t, rtcp, 0, "a BYE at the end")
			assert.InDelta(t, r.number(t, "packets_sent")+r.number(t, "packets_received"), rtp, 4)
		})
	}
}

func TestReplay_CleanTrace(t *testing.T) {
	trace := filepath.Join("..", "..", "testdata", "traces", "clean.txt")
	for _, codec := range []string{"pcmu", "pcma"} {
		heard := filepath.Join(t.TempDir(), "heard.wav")
		p := runs(t, "replay", "--trace", trace, "--in", speechFile(t), "--out", heard, "--codec", codec, "--json")
		r := p.result()
		require.Zero(t, p.code)
		assert.Empty(t, p.stderr.String())
		for _, key := range []string{"packets_received", "lost", "late", "duplicate", "concealed_ms", "stretched_ms", "compressed_ms", "mean_delay_ms", "p95_delay_ms", "mos"} {
			assert.Contains(t, r, key)
		}
		assert.Greater(t, r.number(t, "packets_received"), 100.0)
		assert.Zero(t, r.number(t, "lost"))
		assert.Zero(t, r.number(t, "late"))
		assert.Zero(t, r.number(t, "duplicate"))
		assert.Zero(t, r.number(t, "concealed_ms"))
		assert.Greater(t, r.number(t, "mos"), 4.0)
		requireHeard(t, heard)
	}
	p := runs(t, "replay", "--trace", trace, "--in", speechFile(t), "--out", filepath.Join(t.TempDir(), "heard.wav"))
	assert.Zero(t, p.code)
	assert.Contains(t, p.stdout.String(), " 0 lost, 0 late, 0 duplicate")
	assert.Contains(t, p.stdout.String(), "written to ")
}

func TestReplay_LossShows(t *testing.T) {
	t.Parallel()
	heard := filepath.Join(t.TempDir(), "heard.wav")
	p := runs(t, "replay", "--trace", filepath.Join("..", "..", "testdata", "traces", "loss5.txt"), "--in",
		filepath.Join("..", "..", "testdata", "audio", "speech-a.wav"), "--out", heard, "--json")
	r := p.result()
	require.Zero(t, p.code)
	assert.Greater(t, r.number(t, "lost"), 0.0)
	assert.Greater(t, r.number(t, "concealed_ms"), 0.0)
	assert.Less(t, r.number(t, "mos"), 4.3)
	_, err := audio.OpenWAV(heard)
	assert.NoError(t, err)
}

func TestDemo_Interrupted(t *testing.T) {
	t.Parallel()
	p := start(t, "demo", "--json", "--dir", t.TempDir())
	p.says("both talk")
	p.interrupt()
	r := p.result()
	assert.Equal(t, exitCancelled, p.code)
	assert.Equal(t, "failed", r["cause"])
	assert.Contains(t, oneSentence(t, p), "interrupted")
	assert.Contains(t, p.stdout.String(), `"kind":"sip"`)
}

func TestDemo_InWords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// A computer without time for the sound is an excuse, and the program says
	// so. What it did not notice happens once.
	const excuse = "this computer kept the sound waiting"
	var p *process
	for attempt := range 2 {
		p = start(t, "demo", "--quiet", "--dir", dir)
		p.wait()
		if p.code == 0 || attempt > 0 || strings.Contains(p.stderr.String(), excuse) {
			break
		}
		t.Logf("once more: %s", p.stderr.String())
	}
	out := p.stdout.String()
	for _, want := range []string{
		"Alice calls Bob", "Alice  <- directive MakeCall", "Bob  -> event CallArrived", "read the digits 1234#", "refused with 603",
		"listener   correlation", "what Bob heard: " + filepath.Join(dir, "bob-heard.wav"),
	} {
		assert.Contains(t, out, want)
	}
	assert.NotContains(t, out, "INVITE sip:", "--quiet leaves SIP out")
	if p.code != 0 {
		assert.Equal(t, exitMedia, p.code)
		assert.Contains(t, p.stderr.String(), excuse)
		return
	}
	assert.Contains(t, out, "what was heard is what was said")
	assert.Empty(t, p.stderr.String())
}
