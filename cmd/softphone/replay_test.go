package main

import (
	"encoding/xml"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/replay"
	"github.com/softphone-go/softphone/media/replay/pcap"
)

func TestReplay_DrawsAPicture(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	trace := filepath.Join("..", "..", "testdata", "traces", "wifi.txt")
	speech := filepath.Join("..", "..", "testdata", "audio", "speech-a.wav")
	picture := filepath.Join(dir, "wifi.png")
	p := runs(t, "replay", "--trace", trace, "--in", speech, "--plot", picture)
	require.Zero(t, p.code, p.stderr.String())
	assert.Contains(t, p.stdout.String(), "written to "+picture)
	f, err := os.Open(picture)
	require.NoError(t, err)
	defer f.Close()
	_, err = png.Decode(f)
	require.NoError(t, err)

	picture, heard := filepath.Join(dir, "wifi.svg"), filepath.Join(dir, "heard.wav")
	p = runs(t, "replay", "--trace", trace, "--in", speech, "--plot", picture, "--out", heard, "--codec", "pcma", "--plot-from", "3s", "--plot-to", "6s")
	require.Zero(t, p.code, p.stderr.String())
	assert.Contains(t, p.stdout.String(), "written to "+heard+" and "+picture)
	svg, err := os.ReadFile(picture)
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal(svg, new(any)))
	assert.Contains(t, string(svg), "with speech-a.wav, PCMA")
	assert.Contains(t, string(svg), ">wifi<")
}

// What a call's --pcap holds can be played again, drawn, and made a trace of.
func TestReplay_OfOurOwnCapture(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	capture, heard, picture, trace := filepath.Join(dir, "call.pcap"), filepath.Join(dir, "heard.wav"), filepath.Join(dir, "call.svg"), filepath.Join(dir, "call.txt")
	p := as(t, newExchange(t), "alice", "call", "600", "--play", speechFile(t), "--pcap", capture)
	require.Zero(t, p.wait(), p.stderr.String())

	p = runs(t, "replay", "--pcap", capture, "--out", heard)
	assert.Equal(t, exitUsage, p.code)
	assert.Contains(t, oneSentence(t, p), "choose one by its SSRC or the port")

	f, err := os.Open(capture)
	require.NoError(t, err)
	defer f.Close()
	streams, err := pcap.Read(f)
	require.NoError(t, err)
	require.Len(t, streams, 2)
	for _, s := range streams {
		ssrc := fmt.Sprintf("0x%08X", s.SSRC)
		p = runs(t, "replay", "--pcap", capture, "--ssrc", ssrc, "--out", heard, "--plot", picture, "--json")
		require.Zero(t, p.code, p.stderr.String())
		assert.EqualValues(t, len(s.Packets), p.result().number(t, "packets_received"))
		requireHeard(t, heard)
		assert.FileExists(t, picture)
		p = runs(t, "trace", "--pcap", capture, "--ssrc", ssrc, "--out", trace)
		require.Zero(t, p.code, p.stderr.String())
		p = runs(t, "replay", "--trace", trace, "--in", speechFile(t), "--out", heard, "--json")
		require.Zero(t, p.code, p.stderr.String())
		requireHeard(t, heard)
	}
}

func TestTrace_OfAModel(t *testing.T) {
	t.Parallel()
	p := runs(t, "trace", "burst", "--seed", "5", "--duration", "10s")
	require.Zero(t, p.code, p.stderr.String())
	trace, err := replay.ParseTrace(strings.NewReader(p.stdout.String()))
	require.NoError(t, err)
	assert.Equal(t, replay.Generate(replay.Burst, 5, 500), trace)
	again := runs(t, "trace", "burst", "--seed", "6", "--duration", "10s")
	assert.NotEqual(t, p.stdout.String(), again.stdout.String())
}
