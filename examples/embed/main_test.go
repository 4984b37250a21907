package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/softphone-go/softphone/internal/exchange"
	"github.com/softphone-go/softphone/media/audio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun_AgainstTheExchange(t *testing.T) {
	t.Chdir(t.TempDir())
	ex, err := exchange.Start(exchange.Config{Users: []exchange.User{{Name: "alice", Password: "secret"}}})
	require.NoError(t, err)
	defer ex.Close()
	require.NoError(t, run(ex.Addr(), "alice", "secret", "600"))
	wav, err := audio.OpenWAV("heard.wav")
	require.NoError(t, err)
	loud := 0
	for _, s := range wav.Samples() {
		if s > 5000 {
			loud++
		}
	}
	require.Greater(t, loud, audio.Narrowband/4, "the tone comes back")
	require.False(t, ex.Registered("alice"))
	require.Error(t, run(ex.Addr(), "alice", "wrong", "600"))
	_, err = os.Stat("heard.wav")
	require.NoError(t, err)
}
