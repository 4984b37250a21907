package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/audio"
)

func TestAsterisk_EchoOfSpeech(t *testing.T) {
	for _, c := range []struct {
		name, user string
		args       []string
	}{
		{"udp-pcmu", "alice", nil},
		{"tcp-pcma", "bob", []string{"--transport", "tcp", "--codec", "pcma"}},
		{"sha256-ptime30", "carol", []string{"--ptime", "30ms"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // with one another
			s := makeSaid(t, "speech-a.wav")
			heard := filepath.Join(t.TempDir(), "heard.wav")
			args := append([]string{"call", "600", "--json", "--play", s.path, "--record", heard}, account(asterPB, c.user)...)
			p := softphone(t, append(args, c.args...)...)
			r := p.done(s.length() + 15*time.Second)
			require.Equal(t, "completed", r.text("cause"))
			require.EqualValues(t, 200, r.number("sip_code"))
			require.Greater(t, r.number("mos"), 4.0)
			checkQuality(t, r)
			checkMarker(t, "echo", s, readWAV(t, heard))
			checkHeard(t, "echo", s.samples, readWAV(t, heard))
			asterPB.waitIdle(t, c.user)
		})
	}
}

func TestAsterisk_Announcement(t *testing.T) {
	heard := filepath.Join(t.TempDir(), "heard.wav")
	p := softphone(t, append([]string{"call", "601", "--json", "--record", heard}, account(asterPB, "alice")...)...)
	r := p.done(25 * time.Second)
	require.Equal(t, "remote", r.text("ended_by"), "the PBX hangs up")
	checkQuality(t, r)
	checkHeard(t, "announcement", speech(t, "speech.wav"), readWAV(t, heard))
}

func TestAsterisk_Milliwatt(t *testing.T) {
	heard := filepath.Join(t.TempDir(), "heard.wav")
	p := softphone(t, append([]string{"call", "607", "--json", "--record", heard, "--duration", "4s"}, account(asterPB, "alice")...)...)
	p.done(15 * time.Second)
	tone := make([]int16, 2*rate)
	source, frame := audio.Milliwatt().Source(), audio.NewFrame(rate)
	for at := 0; at < len(tone); at += len(frame.Samples) {
		source.ReadFrame(frame)
		copy(tone[at:], frame.Samples)
	}
	// A tone is like itself at many lags, so only the level and likeness count.
	checkHeard(t, "milliwatt", tone, readWAV(t, heard))
}

func TestAsterisk_EarlyMediaIsHeard(t *testing.T) {
	t.Run("then answered", func(t *testing.T) {
		heard := filepath.Join(t.TempDir(), "heard.wav")
		p := softphone(t, append([]string{"call", "606", "--json", "--record", heard, "--duration", "1s"}, account(asterPB, "alice")...)...)
		p.waitEvent(5*time.Second, "call.early_media")
		require.Empty(t, p.all("call.answered"), "early media comes before the answer")
		r := p.done(20 * time.Second)
		require.Greater(t, r.number("ring_ms"), 4000.0, "4.6 s of speech come before the answer")
		checkHeard(t, "early media", speech(t, "early.wav"), readWAV(t, heard))
	})
	t.Run("never answered", func(t *testing.T) {
		heard := filepath.Join(t.TempDir(), "heard.wav")
		p := softphone(t, append([]string{"call", "608", "--json", "--record", heard}, account(asterPB, "bob")...)...)
		require.Equal(t, exitBusy, p.wait(20*time.Second))
		checkHeard(t, "early media", speech(t, "early.wav"), readWAV(t, heard))
	})
}

func TestAsterisk_DTMF(t *testing.T) {
	t.Parallel()
	const digits = "0123456789*#ABCD"
	p := softphone(t, append([]string{"call", "604", "--json", "--dtmf", digits, "--duration", "25s"}, account(asterPB, "dave")...)...)
	r := p.done(40 * time.Second)
	asterPB.waitLog(t, `softphone-test: 604 read <0123456789\*#ABCD>`)
	var back strings.Builder
	for _, l := range p.all("call.dtmf") {
		back.WriteString(l.text("digit"))
	}
	require.Equal(t, digits, back.String(), "digits that came back")
	require.Equal(t, digits, r.text("digits_received"))
	require.Equal(t, "remote", r.text("ended_by"))
}

// The same digit again and again is as many digits.
func TestAsterisk_DTMFRepeats(t *testing.T) {
	t.Parallel()
	p := softphone(t, append([]string{"call", "604", "--json", "--dtmf", "1111223", "--duration", "20s"}, account(asterPB, "dave")...)...)
	r := p.done(40 * time.Second)
	asterPB.waitLog(t, `softphone-test: 604 read <1111223>`)
	require.Equal(t, "1111223", r.text("digits_received"))
}

func TestAsterisk_CallsThatFail(t *testing.T) {
	for _, c := range []struct {
		name, target, cause string
		args                []string
		exit, code          int
	}{
		{"busy", "602", "busy", nil, exitBusy, 486},
		{"declined", "605", "declined", nil, exitDeclined, 603},
		{"PBX gives up", "609", "no-answer", nil, exitNoAnswer, 480},
		{"we give up", "603", "no-answer", []string{"--timeout", "3s"}, exitNoAnswer, 0},
		{"unknown number", "999", "failed", nil, exitNotFound, 404},
		{"unknown user", "nobody", "failed", nil, exitNotFound, 404},
		{"user not there", "grace", "no-answer", nil, exitNoAnswer, 480},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.target == "grace" {
				users.borrow(t, "grace")
			}
			args := append([]string{"call", c.target, "--json"}, account(asterPB, "frank")...)
			p := softphone(t, append(args, c.args...)...)
			require.Equal(t, c.exit, p.wait(15*time.Second), "exit code")
			r := p.result()
			require.Equal(t, c.cause, r.text("cause"))
			if c.code != 0 {
				require.EqualValues(t, c.code, r.number("sip_code"))
			}
			require.Len(t, p.all("call.ended"), 1, "a call ends once")
			require.Zero(t, r.number("talk_ms"))
		})
	}
}

func TestAsterisk_CallWithWrongPassword(t *testing.T) {
	t.Parallel()
	p := softphoneEnv(t, []string{"SOFTPHONE_PASSWORD=wrong"}, append([]string{"call", "600", "--json"}, account(asterPB, "alice")...)...)
	require.Equal(t, exitRegistration, p.wait(10*time.Second))
}

func TestAsterisk_CancelWhileRinging(t *testing.T) {
	t.Parallel()
	users.borrow(t, "grace")
	p := softphone(t, append([]string{"call", "603", "--json"}, account(asterPB, "grace")...)...)
	p.waitEvent(5*time.Second, "call.ringing")
	p.interrupt()
	require.Equal(t, exitCancelled, p.wait(5*time.Second))
	require.Equal(t, "cancelled", p.result().text("cause"))
	asterPB.waitIdle(t, "grace")
}

func TestProgram_Unreachable(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		p := softphone(t, "call", "600", "--json", "--server", loopback(ports.one()).String(), "--user", "alice", "--transport", transport)
		require.Equal(t, exitUnreachable, p.wait(40*time.Second), transport)
		require.Equal(t, "unreachable", p.result().text("cause"))
	}
}

func TestProgram_BadInput(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing.wav")
	for _, args := range [][]string{
		{"call", "sip:x@127.0.0.1", "--play", missing},
		{"call"},
		{"call", "600", "--server", "127.0.0.1:5060", "--user", "alice", "--dtmf", "xyz"},
		{"call", "600", "--server", "127.0.0.1:5060", "--user", "alice", "--transport", "pigeon"},
		{"answer", "--listen", "nonsense"},
		{"nonsense"},
	} {
		p := softphone(t, args...)
		require.Equal(t, exitUsage, p.wait(10*time.Second), "%v", args)
		text := strings.TrimSpace(p.errors())
		require.NotEmpty(t, text, "%v", args)
		require.NotContains(t, text, "panic")
		require.LessOrEqual(t, strings.Count(text, "\n"), 1, "one clear sentence: %s", text)
	}
}
