package phone

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/sip"
)

// TestAutoAnswer_ByNumberOrName: the wish of those in auto_answer is granted,
// however their number is written, and nobody else's.
func TestAutoAnswer_ByNumberOrName(t *testing.T) {
	plan, err := number.New("KR")
	require.NoError(t, err)
	file := config.Default()
	p := &Phone{plan: plan, cfg: Config{File: file}}
	granted := func(user string, anonymous bool) bool {
		_, ok := p.autoAnswer("id", dialer.Caller{Number: user, Identity: sip.Identity{Anonymous: anonymous}})
		return ok
	}
	assert.False(t, granted("door", false), "off by default")
	assert.Nil(t, p.mayRedirect())
	assert.False(t, p.mayTransfer(dialer.TransferRequest{}))
	p.cfg.File.Phone.AutoAnswer = []string{"door", "010-1234-5678"}
	assert.True(t, granted("Door", false))
	assert.True(t, granted("+821012345678", false))
	assert.False(t, granted("01012345679", false))
	assert.False(t, granted("door", true))
	assert.False(t, granted("", false))
}
