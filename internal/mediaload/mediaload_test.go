//go:build linux

package mediaload

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A few calls for a moment, in every way there is: what is sent comes back, and
// the figures are figures.
func TestRun_NothingIsLost(t *testing.T) {
	for _, kind := range Kinds() {
		in, stop := io.Pipe()
		answers, out := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			err := RunEcho(3, in, out)
			_ = out.Close()
			ended <- err
		}()
		decoder := json.NewDecoder(answers)
		var remote Remote
		require.NoError(t, decoder.Decode(&remote))
		r, err := Run(kind, remote, 200*time.Millisecond)
		require.NoError(t, err, kind)
		require.NoError(t, stop.Close())
		require.NoError(t, decoder.Decode(&r.Echo))
		require.NoError(t, <-ended)

		assert.Equal(t, 3, r.Calls)
		assert.Greater(t, r.Sent, uint64(3*30), kind)
		assert.Zero(t, r.Missing(), "%s: %+v", kind, r)
		assert.Zero(t, r.Lost, "%s: %+v", kind, r)
		assert.Positive(t, r.PerCall(), kind)
		var row strings.Builder
		require.NoError(t, Header(&row))
		require.NoError(t, r.Row(&row))
		assert.Contains(t, row.String(), "| 3 | "+kind+" |")
	}
	_, err := Run("pigeon", Remote{}, 0)
	assert.ErrorContains(t, err, "pigeon")
}

// Packets 20 ms apart of which each tenth comes 7 ms late.
func TestEcho_Lateness(t *testing.T) {
	e := &echo{streams: make([]stream, 1)}
	s := &e.streams[0]
	start := time.Date(2026, 1, 1, 23, 0, 0, 0, time.UTC)
	ts := ^uint32(0) - 800 // wraps
	for i := range 1100 {
		at := start.Add(time.Duration(i) * 20 * time.Millisecond)
		if i%10 == 9 {
			at = at.Add(7 * time.Millisecond)
		}
		e.note(s, ts, at)
		ts += 160
	}
	var total uint64
	for _, n := range e.late {
		total += n
	}
	assert.EqualValues(t, 1000, total, "the first two seconds only settle")
	assert.EqualValues(t, 900, e.late[0])
	assert.EqualValues(t, 100, e.late[7*time.Millisecond/lateStep])
	assert.Equal(t, 7*time.Millisecond, e.max)
}
