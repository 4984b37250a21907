package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/internal/exchange"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/phonebook"
	"github.com/softphone-go/softphone/store"
)

var update = flag.Bool("update", false, "write the session into docs/smartspeaker.md anew")

// The session of docs/smartspeaker.md, in a pseudo-terminal: alice has the
// speaker, bob is a phone that answers.
func TestSession(t *testing.T) {
	ex := startExchange(t)
	dir := t.TempDir()
	keepContacts(t, dir)
	bob, answer := startBob(t, ex)
	program := filepath.Join(t.TempDir(), "smartspeaker")
	build := exec.Command("go", "build", "-o", program, ".")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	cmd := exec.Command(program, "speaker", ex.Addr(), "alice")
	cmd.Dir = filepath.Dir(dir)
	require.NoError(t, os.Rename(dir, filepath.Join(cmd.Dir, "speaker")))
	cmd.Env = append(os.Environ(), "SOFTPHONE_PASSWORD=secret")
	s := startTerminal(t, cmd)
	s.expect("ready")

	// Whom do you mean?
	s.enter(directive(1, "SendCandidates", `{"playServiceId":"play","intent":"CALL","callType":"NORMAL","recipientIntended":{"name":"민수"}}`))
	s.expect("says: 1. ")
	listed := s.expect("sends: ")
	require.Contains(t, listed, "CandidatesListed")
	require.NotContains(t, listed, "01055501002", "numbers stay in the phone")
	s.enter(directive(2, "MakeCall", fmt.Sprintf(`{"playServiceId":"play","callType":"NORMAL","recipient":{"name":"김민수","type":"CONTACT","token":%q}}`, tokenOf(t, listed, "김민수"))))
	s.expect("focus: true")
	require.Contains(t, s.expect("sends: "), "MakeCallSucceeded")
	answer()
	require.Contains(t, s.expect("sends: "), "CallEstablished")
	s.enter(directive(3, "EndCall", `{"playServiceId":"play"}`))
	s.expect("focus: false")
	require.Contains(t, s.expect("sends: "), "CallEnded")

	// A call comes in, and is taken with the loudspeaker.
	call, err := bob.Dial(t.Context(), "alice", phone.DialOptions{Source: audio.Milliwatt().Source()})
	require.NoError(t, err)
	s.expect("says: 김민수 is calling")
	s.expect("ring tone")
	require.Contains(t, s.expect("sends: "), "CallArrived")
	waitForSound(t, filepath.Join(cmd.Dir, "speaker", "loudspeaker.wav"), 440, 480)
	s.enter(directive(4, "AcceptCall", `{"playServiceId":"play","speakerPhone":true}`))
	require.Contains(t, s.expect("sends: "), "CallEstablished")
	waitForSound(t, filepath.Join(cmd.Dir, "speaker", "loudspeaker.wav"), 1004)
	require.NoError(t, call.Hangup(t.Context()))
	s.expect("focus: false")
	require.Contains(t, s.expect("sends: "), "CallEnded")

	// What cannot be done.
	s.enter(directive(5, "MakeCall", `{"playServiceId":"play","callType":"VIDEO","recipient":{"name":"김민수","type":"CONTACT"}}`))
	require.Contains(t, s.expect("sends: "), "CALL_TYPE_NOT_SUPPORTED")
	s.enter(directive(6, "AcceptCall", `{"playServiceId":"play","speakerPhone":"TRUE"}`))
	require.Contains(t, s.expect("sends: "), "payload.speakerPhone")
	_, err = s.pty.WriteString("\x03") // Ctrl-C
	require.NoError(t, err)
	<-s.ended
	require.Zero(t, cmd.ProcessState.ExitCode())
	require.False(t, ex.Registered("alice"))
	checkDocs(t, "$ smartspeaker speaker "+ex.Addr()+" alice\n"+s.screen()+"\n")
}

func startExchange(t *testing.T) *exchange.Exchange {
	t.Helper()
	ex, err := exchange.Start(exchange.Config{
		Users: []exchange.User{
			{Name: "alice", Password: "secret"},
			{Name: "bob", Password: "secret", Aliases: []string{"01055501002"}},
		},
		CallerID: func(string, string) (number, name string) { return "01055501002", "Bob" }, // bob's
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ex.Close()) })
	return ex
}

func keepContacts(t *testing.T, dir string) {
	t.Helper()
	kept, err := store.Open(t.Context(), filepath.Join(dir, phone.StoreName), store.Options{})
	require.NoError(t, err)
	defer kept.Close()
	plan, err := number.New("KR")
	require.NoError(t, err)
	book, err := phonebook.Open(t.Context(), plan, kept.Contacts())
	require.NoError(t, err)
	for name, numbers := range map[string][]phonebook.Entry{
		"김민수": {{Label: phonebook.Mobile, Number: "010-5550-1002"}, {Label: phonebook.Home, Number: "02-555-0102"}},
		"박민수": {{Label: phonebook.Company, Number: "031-555-0103"}},
		"이영희": {{Label: phonebook.Mobile, Number: "010-5550-1009"}},
	} {
		_, err := book.Put(t.Context(), phonebook.Contact{Name: name, Entries: numbers})
		require.NoError(t, err)
	}
}

// startBob starts a phone that answers when it is told to.
func startBob(t *testing.T, ex *exchange.Exchange) (bob *phone.Phone, answer func()) {
	t.Helper()
	bob, err := phone.Open(t.Context(), phone.Config{File: config.Default(), StorePath: phone.Memory})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, bob.Close(context.Background())) })
	account := config.Account{Server: ex.Addr(), User: "bob", Password: "secret"}
	require.NoError(t, bob.AddAccount(account))
	require.NoError(t, bob.WaitRegistered(t.Context(), account.Name()))
	return bob, func() {
		t.Helper()
		require.NoError(t, bob.Follow(t.Context(), func(ev store.Event) bool { return ev.Type != phone.TypePhoneCall+"CallArrived" }))
		require.NoError(t, bob.Agent().Handle(t.Context(), []byte(directive(0, "AcceptCall", `{"speakerPhone":false}`))))
	}
}

func directive(n int, name, payload string) string {
	return fmt.Sprintf(`{"header":{"namespace":"PhoneCall","name":%q,"messageId":"m%d","dialogRequestId":"d%d","version":"1.3"},"payload":%s}`,
		name, n, n, payload)
}

// tokenOf is the token of a candidate in an event.
func tokenOf(t *testing.T, event, name string) string {
	t.Helper()
	var m struct{ Context agent.Context }
	require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(event, "sends: ")), &m))
	require.NotNil(t, m.Context.PhoneCall.Template)
	for _, c := range m.Context.PhoneCall.Template.Candidates {
		if c.Name == name {
			return c.Token
		}
	}
	require.FailNow(t, "no candidate "+name)
	return ""
}

// waitForSound waits until half a second of nothing but these tones is in a
// recording that is still being written.
func waitForSound(t *testing.T, path string, frequencies ...float64) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !hasSound(path, frequencies) {
		require.True(t, time.Now().Before(deadline), "no sound of %v Hz in %s", frequencies, path)
		<-time.After(100 * time.Millisecond) // another process writes it
	}
}

func hasSound(path string, frequencies []float64) bool {
	wav, err := audio.OpenWAV(path)
	if err != nil {
		return false
	}
	const window = audio.Narrowband / 2
	samples := wav.Samples()
	for at := 0; at+window <= len(samples); at += window / 5 {
		var all, these float64
		for _, f := range frequencies {
			these += power(samples[at:at+window], f)
		}
		for _, s := range samples[at : at+window] {
			all += float64(s) * float64(s) / window
		}
		if all > 1e4 && these > 0.8*all {
			return true
		}
	}
	return false
}

// power is that of one frequency in samples (a bin of the Fourier transform).
func power(samples []int16, frequency float64) float64 {
	var re, im float64
	for i, s := range samples {
		sin, cos := math.Sincos(2 * math.Pi * frequency * float64(i) / audio.Narrowband)
		re, im = re+float64(s)*cos, im+float64(s)*sin
	}
	n := float64(len(samples))
	return 2 * (re*re + im*im) / (n * n)
}

// checkDocs compares the session with the one in the documentation.
func checkDocs(t *testing.T, session string) {
	t.Helper()
	path := filepath.Join("..", "..", "docs", "smartspeaker.md")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)(```console\n)(.*?)(```\n)")
	if *update {
		fresh := block.ReplaceAllFunc(text, func([]byte) []byte { return []byte("```console\n" + session + "```\n") })
		require.NoError(t, os.WriteFile(path, fresh, 0o644))
		return
	}
	found := block.FindSubmatch(text)
	require.NotNil(t, found, "no console block in %s", path)
	require.Equal(t, masked(string(found[2])), masked(session), "write it anew with: go test ./examples/smartspeaker -update")
}

// masked leaves out what differs from run to run.
func masked(session string) string {
	for pattern, mask := range map[string]string{
		`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`: "<id>",
		`127\.0\.0\.1:\d+`:                          "<exchange>",
		`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`:            "<time>",
	} {
		session = regexp.MustCompile(pattern).ReplaceAllString(session, mask)
	}
	return session
}
