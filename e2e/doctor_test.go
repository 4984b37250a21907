package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// doctorOf runs softphone doctor and returns its checks by name.
func doctorOf(t *testing.T, exit int, env []string, args ...string) map[string]line {
	t.Helper()
	args = append([]string{"doctor", "--json", "--data-dir", t.TempDir()}, args...)
	p := softphoneEnv(t, env, args...)
	require.Equal(t, exit, p.wait(40*time.Second))
	require.Equal(t, exit == exitDone, p.result()["healthy"])
	checks := map[string]line{}
	for _, l := range p.all("check") {
		checks[l.text("name")] = l
		t.Logf("%s: %s: %s", l.text("name"), l.text("status"), l.text("finding"))
	}
	return checks
}

func TestAsterisk_DoctorFindsNothingWrong(t *testing.T) {
	t.Parallel()
	users.borrow(t, "erin")
	got := doctorOf(t, exitDone, nil, append([]string{"--echo", "600"}, account(asterPB, "erin")...)...)
	for _, name := range []string{"configuration", "reach udp", "reach tcp", "registration", "nat", "echo"} {
		require.Equal(t, "ok", got[name].text("status"), name)
	}
}

func TestAsterisk_DoctorOverTLS_RFC5922_7(t *testing.T) {
	t.Parallel()
	users.borrow(t, "heidi")
	args := over(asterPB, "heidi", "tls")
	got := doctorOf(t, exitDone, nil, append([]string{"--echo", "600", "--srtp", "required"}, args...)...)
	for _, name := range []string{"reach tls", "registration", "echo"} {
		require.Equal(t, "ok", got[name].text("status"), name)
	}
	require.Contains(t, got["certificate"].text("finding"), "is good, and runs out on", "it is made for a day")
	got = doctorOf(t, exitUnreachable, nil, args[:len(args)-2]...) // without the authority
	require.Equal(t, "failed", got["certificate"].text("status"))
	require.Contains(t, got["certificate"].text("advice"), "tls_ca")
}

func TestAsterisk_DoctorSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	got := doctorOf(t, exitRegistration, []string{"SOFTPHONE_PASSWORD=wrong"}, account(asterPB, "erin")...)
	require.Contains(t, got["registration"].text("advice"), "password")
	users.borrow(t, "erin")
	got = doctorOf(t, exitMedia, nil, append([]string{"--echo", "999"}, account(asterPB, "erin")...)...)
	require.Contains(t, got["echo"].text("finding"), "the PBX has nothing at 999")
}
