package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAsterisk_DTMFAsTones: no events are offered, so Asterisk finds the keys in
// our sound, and we find in its sound those that it sends back.
func TestAsterisk_DTMFAsTones(t *testing.T) {
	t.Parallel()
	for _, codec := range []string{"pcmu", "pcma"} {
		const digits = "0123456789*#ABCD"
		p := softphone(t, append([]string{"call", "604", "--json", "--dtmf", digits, "--dtmf-mode", "inband", "--codec", codec, "--duration", "25s"},
			account(asterPB, "judy")...)...)
		r := p.done(40 * time.Second)
		asterPB.waitLog(t, `softphone-test: 604 read <0123456789\*#ABCD>`)
		require.Equal(t, digits, r.text("digits_received"), "digits that came back, %s", codec)
		require.Equal(t, "remote", r.text("ended_by"))
	}
}
