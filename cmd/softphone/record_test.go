package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/audio/measure"
)

// channelsOf reads a recording of any number of channels, header of 44 octets.
func channelsOf(t *testing.T, path string) [][]int16 {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Greater(t, len(data), 44)
	sides := make([][]int16, binary.LittleEndian.Uint16(data[22:]))
	for i := 44; i+2 <= len(data); i += 2 {
		c := (i - 44) / 2 % len(sides)
		sides[c] = append(sides[c], int16(binary.LittleEndian.Uint16(data[i:])))
	}
	return sides
}

// hasMarker says whether one marker of speechFile is somewhere in x, and where.
func hasMarker(x []int16) (at int, ok bool) {
	for _, seed := range seeds {
		if where, corr := measure.FindMarker(x, seed); corr > measure.Found {
			return where, true
		}
	}
	return 0, false
}

// TestRecordMode: an echo sends back what is played, so both sides have it, the
// heard one later. A hold in between is silence and costs no time. The other end
// records, too: there the caller is on the right, and what it sends on the left.
func TestRecordMode(t *testing.T) {
	dir := t.TempDir()
	theirs := filepath.Join(dir, "theirs.wav")
	bob := start(t, append(local(t, "answer"), "--echo", "--json", "--record", theirs, "--record-mode", "stereo")...)
	addr, _ := bob.event("listening")["addr"].(string)
	require.NotEmpty(t, addr)
	ours := map[string]string{}
	for _, mode := range []string{"stereo", "mix", "heard"} {
		ours[mode] = filepath.Join(dir, mode+".wav")
		args := append(local(t, "call"), "sip:anyone@"+addr, "--json", "--transport", "udp", "--play", speechFile(t),
			"--tail", "300ms", "--hold", "2200ms,500ms", "--record", ours[mode], "--record-mode", mode)
		alice := start(t, args...)
		r := alice.result()
		require.Equal(t, "completed", r["cause"])
		assert.Equal(t, ours[mode], r["record"])
	}
	bob.interrupt()
	bob.wait()

	sides := channelsOf(t, ours["stereo"])
	require.Len(t, sides, 2)
	require.Equal(t, len(sides[0]), len(sides[1]))
	said, ok := hasMarker(sides[0])
	require.True(t, ok, "what was said is on the left")
	heard, ok := hasMarker(sides[1])
	require.True(t, ok, "what was heard is on the right")
	_, corr := measure.BestLag(sides[0], sides[1], 8000)
	assert.Greater(t, corr, 0.3)
	assert.Greater(t, len(sides[0]), 2*8000)
	assert.NotEqual(t, said, heard)

	for _, mode := range []string{"mix", "heard"} {
		mono := channelsOf(t, ours[mode])
		require.Len(t, mono, 1, mode)
		_, ok = hasMarker(mono[0])
		assert.True(t, ok, mode)
	}
	sides = channelsOf(t, theirs)
	require.Len(t, sides, 2)
	_, ok = hasMarker(sides[1])
	assert.True(t, ok, "the caller is on the right")
	_, ok = hasMarker(sides[0])
	assert.True(t, ok, "and back on the left")
	_, err := audio.OpenWAV(theirs)
	assert.ErrorContains(t, err, "mono", "stereo is for other players")
}

// TestDTMFMode: keys as tones both ways; an exchange that would take events is not
// asked for them.
func TestDTMFMode(t *testing.T) {
	bob := start(t, append(local(t, "answer"), "--json", "--dtmf-mode", "inband", "--dtmf", "42#", "--count", "1", "--duration", "4s")...)
	addr, _ := bob.event("listening")["addr"].(string)
	require.NotEmpty(t, addr)
	alice := start(t, append(local(t, "call"), "sip:anyone@"+addr, "--json", "--transport", "udp", "--dtmf", "159D", "--duration", "5s")...)
	r := alice.result()
	assert.Equal(t, "42#", r["digits_received"])
	bob.wait()
	got := ""
	for _, l := range jsonLines(t, bob.stdout.String()) {
		if l["type"] == "call.dtmf" {
			digit, _ := l["digit"].(string)
			got += digit
		}
	}
	assert.Equal(t, "159D", got)
}
