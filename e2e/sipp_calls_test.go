package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sippLimit is more than any scenario takes on a busy machine.
const sippLimit = 50 * time.Second

// callSIPp lets the phone call SIPp, which answers as a scenario of
// testdata/sipp says, and wants both to be content with how it went.
func callSIPp(t *testing.T, scenario string, args ...string) line {
	t.Helper()
	s := startSIPp(t, scenario)
	target := fmt.Sprintf("sip:service@127.0.0.1:%d", s.port)
	p := softphone(t, append([]string{"call", target, "--json"}, args...)...)
	r := p.done(sippLimit)
	s.passed(10 * time.Second)
	require.Equal(t, "completed", r.text("cause"))
	require.EqualValues(t, 200, r.number("sip_code"))
	require.Len(t, p.all("call.ended"), 1, "a call ends once")
	return r
}

// sippCalls lets SIPp call the phone, which answers.
func sippCalls(t *testing.T, scenario string, args ...string) *phone {
	t.Helper()
	port := ports.one()
	p := softphone(t, append([]string{"answer", "--json", "--listen", loopback(port).String(), "--count", "1"}, args...)...)
	p.waitEvent(5*time.Second, "listening")
	startSIPp(t, scenario, loopback(port).String()).passed(sippLimit)
	require.Equal(t, exitDone, p.wait(10*time.Second))
	require.Len(t, p.all("call.ended"), 1, "a call ends once")
	return p
}

// ended is how the phone says that its first call ended.
func ended(p *phone) line {
	p.t.Helper()
	how, _ := p.waitEvent(5*time.Second, "call.ended")["ended"].(map[string]any)
	return how
}

func TestSIPp_CancelWithout487_RFC3261_9_1(t *testing.T) {
	t.Parallel()
	s := startSIPp(t, "cancel-without-487.xml")
	p := softphone(t, "call", fmt.Sprintf("sip:service@127.0.0.1:%d", s.port), "--json", "--timeout", "200ms")
	require.Equal(t, exitNoAnswer, p.wait(sippLimit))
	require.Equal(t, "no-answer", p.result().text("cause"))
	s.passed(sippLimit)
}

func TestSIPp_Forked200_RFC3261_13_2_2_4(t *testing.T) {
	t.Parallel()
	callSIPp(t, "forked-200.xml", "--duration", "500ms")
}

func TestSIPp_Forked100rel_RFC3262_4(t *testing.T) {
	t.Parallel()
	callSIPp(t, "forked-100rel.xml", "--duration", "300ms")
}

func TestSIPp_183WithoutToTag_RFC3261_12_1(t *testing.T) {
	t.Parallel()
	callSIPp(t, "183-without-to-tag.xml", "--duration", "300ms")
}

func TestSIPp_StrictRoute_RFC3261_12_2_1_1(t *testing.T) {
	t.Parallel()
	callSIPp(t, "strict-route.xml", "--duration", "300ms")
}

func TestSIPp_ByeInEarlyDialog_RFC3261_15_1_2(t *testing.T) {
	t.Parallel()
	p := sippCalls(t, "bye-in-early-dialog.xml", "--after", "20s")
	require.Equal(t, "missed", ended(p).text("disposition"))
}

func TestSIPp_MalformedAck_RFC3261_13_3_1_4(t *testing.T) {
	t.Parallel()
	p := sippCalls(t, "malformed-ack.xml")
	require.Equal(t, "remote", ended(p).text("ended_by"))
}

func TestSIPp_SeveralRequire_RFC3261_8_2_2_3(t *testing.T) {
	t.Parallel()
	sippCalls(t, "require.xml")
}

func TestSIPp_LateOffer_RFC3261_13_2_1(t *testing.T) {
	t.Parallel()
	p := sippCalls(t, "late-offer.xml")
	require.Equal(t, "completed", ended(p).text("disposition"))
}

func TestSIPp_LateOfferNeverAnswered_RFC3261_13_2_1(t *testing.T) {
	t.Parallel()
	p := sippCalls(t, "late-offer-ack-without-sdp.xml")
	require.Equal(t, "media-failed", ended(p).text("disposition"))
}

func TestSIPp_ReplacesErrors_RFC3891_3(t *testing.T) {
	t.Parallel()
	p := sippCalls(t, "replaces-errors.xml")
	require.Equal(t, "completed", ended(p).text("disposition"))
}
