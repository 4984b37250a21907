package sip

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The same messages over a connection each: what is refused over UDP is refused
// here, or the connection ends where the boundary is lost, and nothing waits
// longer than a message may take. The answers over UDP are held in dialer.
func TestTorture_OverTCP_RFC4475(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "torture", "*.dat"))
	require.NoError(t, err)
	require.Len(t, files, 49)
	refused := map[string]string{
		"badinv01": "400", "mcl01": "400", "quotbal": "400", "ltgtruri": "400", "lwsruri": "400", "lwsstart": "400", "trws": "400",
		"badvers": "505", "mismatch01": "400", "multi01": "400", "insuf": "400", "unkscm": "416", "novelsc": "416", "ncl": "400",
		"bext01": "420", "invut": "415", "sdp01": "406", "scalar02": "400", "inv2543": "400", // no Content-Length
		"lwsdisp": "200", "zeromf": "200", "semiuri": "200", "transports": "200", "badbranch": "200", "intmeth": "405",
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		name := strings.TrimSuffix(filepath.Base(f), ".dat")
		inBubble(t, nil, func(w *world) {
			c := w.stream()
			defer c.Close()
			_, err := c.Write(text)
			require.NoError(t, err)
			require.NoError(t, c.SetReadDeadline(time.Now().Add(streamPartialTimeout+time.Second)))
			all, _ := io.ReadAll(c)
			if want := refused[name]; want != "" {
				assert.True(t, strings.HasPrefix(string(all), "SIP/2.0 "+want+" "), "%s: %.60q", name, all)
			}
			alive(w)
		})
	}
}
