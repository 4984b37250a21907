package e2e

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (k talk) checkLinphone(t *testing.T, l *linphone) {
	t.Helper()
	checkMostly(t, "what we hear of linphone", k.theirs.samples, readWAV(t, k.heardByUs))
	checkMostly(t, "what linphone hears of us", k.ours.samples, l.heard())
}

func TestLinphone_WeCall(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp", "srtp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			k := makeTalk(t)
			encryption, via := "none", transport
			args := []string{"--json", "--play", k.ours.path, "--record", k.heardByUs, "--tail", "2s"}
			if transport == "srtp" {
				encryption, via = "srtp", "udp"
				args = append(args, secured("required")...)
			}
			l := startLinphone(t, k.theirs.path, encryption)
			p := softphone(t, append([]string{"call", l.address() + ";transport=" + via}, args...)...)
			r := p.done(k.ours.length() + 15*time.Second)
			checkQuality(t, r)
			if encryption == "srtp" {
				checkSecured(t, r, "AES_CM_128_HMAC_SHA1_80")
			}
			k.checkLinphone(t, l)
		})
	}
}

func TestLinphone_CallsUs(t *testing.T) {
	t.Parallel()
	for _, encryption := range []string{"none", "srtp"} {
		t.Run(encryption, func(t *testing.T) {
			t.Parallel()
			k := makeTalk(t)
			args := []string{"--count", "1", "--play", k.ours.path, "--record", k.heardByUs}
			if encryption == "srtp" {
				args = append(args, secured("required")...)
			}
			l := startLinphone(t, k.theirs.path, encryption)
			p, uri := listening(t, args...)
			l.dial(uri)
			<-time.After(k.ours.length() + time.Second)
			l.hangup()
			checkQuality(t, p.done(10*time.Second))
			if encryption == "srtp" {
				ended := p.all("call.ended")
				require.Len(t, ended, 1)
				quality, _ := ended[0]["ended"].(map[string]any)["quality"].(map[string]any)
				require.NotEmpty(t, line(quality).text("srtp"))
				checkSecured(t, quality, line(quality).text("srtp"))
			}
			k.checkLinphone(t, l)
		})
	}
}

func TestLinphone_Hold_RFC3264_8_4(t *testing.T) { checkHolds(t, startsLinphone) }

func TestLinphone_DTMF_RFC4733(t *testing.T) { checkDigits(t, startsLinphone) }

func TestLinphone_BlindTransfer_RFC5589_6(t *testing.T) { checkBlindTransfer(t, startsLinphone) }

// Linphone holds our call, calls the third and connects the two of us: our REFER asks
// for an INVITE with Replaces, which the third takes.
func TestLinphone_AttendedTransfer_RFC5589_7(t *testing.T) {
	t.Parallel()
	t.Run("they transfer us", func(t *testing.T) {
		t.Parallel()
		// In Refer-To it leaves out the port, so the third must be at 5060, of an address
		// that nobody else has.
		host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(250), 1+rand.IntN(250))
		checkWeAreTransferred(t, startsLinphone, host+":5060", func(b peer, uri string) {
			b.hold()
			b.dial(uri)
			<-time.After(time.Second)
			b.(*linphone).command("transfer 1 --to-call 2")
		})
	})
	t.Run("we transfer them", func(t *testing.T) {
		t.Parallel()
		theirs := makeTicking(t, 30)
		heard := filepath.Join(t.TempDir(), "heard.wav")
		l := startLinphone(t, theirs.path, "none")
		third, uri := listening(t, "--count", "1", "--duration", "8s", "--record", heard)
		p := softphone(t, "call", l.address(), "--json", "--transfer", uri, "--attended", "--transfer-after", "2s")
		require.Equal(t, "transferred", p.done(20*time.Second).text("sip_reason"))
		require.Equal(t, exitDone, third.wait(20*time.Second))
		require.GreaterOrEqual(t, len(theirs.first(8).heardAt(readWAV(t, heard))), 3, "seconds of them that the third heard")
	})
}
