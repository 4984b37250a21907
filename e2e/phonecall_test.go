package e2e

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/store"
)

var update = flag.Bool("update", false, "write the logs of testdata anew")

// soon bounds the wait for anything that takes a moment, on a loaded machine too.
const soon = 20 * time.Second

// A conversation is what devices are told and what they say, written down in
// the order in which the test waits for it, and compared with
// testdata/phonecall/NAME.jsonl. Every line has the member "phone", and one of
//
//	directive  what the phone was told, on its standard input
//	event      what it answered, on its standard output, with "context"
//	refused    what it said of a directive on standard error
//	history    the rows of its call history, newest first
//	rules      its block rules
//	call       how a call of the program `softphone call` went
//
// Ids, tokens and times are masked; the same token has the same number.
type conversation struct {
	t      *testing.T
	name   string
	log    bytes.Buffer
	tokens []string
	ids    map[string]bool // of all events
	ends   []func()
}

func converse(t *testing.T, name string) *conversation {
	t.Helper()
	return &conversation{t: t, name: name, ids: map[string]bool{}}
}

// device is `softphone run` registered at the PBX, told and heard in turn.
type device struct {
	*phone
	c         *conversation
	user      string
	dir       string
	heard     int          // lines of standard output that were taken
	told      int          // lines written to standard input
	complains map[int]bool // lines of the input that were refused as expected
}

// device starts the phone of a user. config is a part of its TOML file.
func (c *conversation) device(user string, config ...string) *device {
	c.t.Helper()
	dir := c.t.TempDir()
	return c.deviceIn(dir, user, config...)
}

// deviceIn starts a phone on a data folder that is there already.
func (c *conversation) deviceIn(dir, user string, config ...string) *device {
	c.t.Helper()
	file := filepath.Join(dir, "softphone.toml")
	require.NoError(c.t, os.WriteFile(file, []byte(strings.Join(config, "\n")+"\n"), 0o600))
	args := append([]string{"run", "-c", file, "--data-dir", dir}, account(asterPB, user)...)
	d := &device{phone: softphone(c.t, args...), c: c, user: user, dir: dir, complains: map[int]bool{}}
	asterPB.waitRegistered(c.t, user, true)
	c.ends = append(c.ends, d.end)
	return d
}

// end stops the phone, and checks that it said nothing that the test did not
// wait for.
func (d *device) end() {
	t := d.c.t
	d.terminate()
	require.Equal(t, exitDone, d.wait(soon))
	d.mu.Lock()
	rest := d.lines[d.heard:]
	d.mu.Unlock()
	require.Empty(t, rest, "%s said what nobody waited for", d.user)
	for n, text := range d.refusals() {
		require.True(t, d.complains[n], "%s refused line %d: %s", d.user, n, text)
	}
}

// end stops the phones and compares the log with what it should be.
func (c *conversation) end() {
	c.t.Helper()
	for _, end := range c.ends {
		end()
	}
	path := filepath.Join("testdata", "phonecall", c.name+".jsonl")
	if *update {
		require.NoError(c.t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(c.t, os.WriteFile(path, c.log.Bytes(), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(c.t, err, "write it with: go test ./e2e -run %s -update", c.t.Name())
	require.Equal(c.t, string(want), c.log.String(), "the log of %s", path)
}

// write adds a line to the log: who, and the members with their values.
func (c *conversation) write(phone string, members ...any) {
	c.t.Helper()
	fmt.Fprintf(&c.log, `{"phone":%q`, phone)
	for i := 0; i < len(members); i += 2 {
		var value bytes.Buffer
		enc := json.NewEncoder(&value) // sorts the members within
		enc.SetEscapeHTML(false)
		require.NoError(c.t, enc.Encode(c.masked("", members[i+1])))
		fmt.Fprintf(&c.log, ",%q:%s", members[i], bytes.TrimSpace(value.Bytes()))
	}
	c.log.WriteString("}\n")
}

// masked is a copy of v without what differs from run to run.
func (c *conversation) masked(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, member := range v {
			out[k] = c.masked(k, member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, member := range v {
			out[i] = c.masked(key, member)
		}
		return out
	case string:
		if _, err := uuid.Parse(v); err == nil && len(v) == 36 {
			if key == "token" {
				return c.tokenName(v)
			}
			return "<id>"
		}
		if key == "time" {
			_, err := time.Parse("2006-01-02T15:04:05", v)
			require.NoError(c.t, err, "a time in a history is local and without a zone")
			return "<time>"
		}
	}
	return v
}

func (c *conversation) tokenName(token string) string {
	for i, known := range c.tokens {
		if known == token {
			return fmt.Sprintf("<token %d>", i+1)
		}
	}
	c.tokens = append(c.tokens, token)
	return fmt.Sprintf("<token %d>", len(c.tokens))
}

// tell gives the phone a directive, whose ids are m1 and d1 in the first line,
// and so on.
func (d *device) tell(name, payload string) {
	d.c.t.Helper()
	d.write(directive(name, strconv.Itoa(d.told+1), payload))
}

func directive(name, n, payload string) string {
	return fmt.Sprintf(`{"header":{"namespace":"PhoneCall","name":%q,"messageId":"m%s","dialogRequestId":"d%s","version":"1.3"},"payload":%s}`,
		name, n, n, payload)
}

// write gives the phone a line as it stands.
func (d *device) write(text string) {
	d.c.t.Helper()
	_, err := d.stdin.Write([]byte(text + "\n"))
	require.NoError(d.c.t, err)
	d.told++
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		v = shortened(text)
	}
	d.c.write(d.user, "directive", v)
}

// shortened keeps a line that is no JSON readable in the log.
func shortened(text string) string {
	if len(text) <= 100 {
		return text
	}
	return fmt.Sprintf("%s... (%d bytes)", text[:40], len(text))
}

// sees waits for the phone's next events, which must be these and no others.
// It returns the last.
func (d *device) sees(names ...string) line {
	d.c.t.Helper()
	var l line
	for _, name := range names {
		l = d.nextLine("event " + name)
		event, _ := l["event"].(map[string]any)
		header, _ := event["header"].(map[string]any)
		require.Equal(d.c.t, name, header["name"], "the next event of %s: %v", d.user, l)
		for _, id := range []any{header["messageId"], header["dialogRequestId"]} {
			text, _ := id.(string)
			u, err := uuid.Parse(text)
			require.NoError(d.c.t, err)
			require.EqualValues(d.c.t, 7, u.Version())
			require.False(d.c.t, d.c.ids[text], "the id %s comes twice", text)
			d.c.ids[text] = true
		}
		d.c.write(d.user, "event", l["event"], "context", l["context"])
	}
	return l
}

func (d *device) nextLine(what string) line {
	d.c.t.Helper()
	timeout := time.After(soon)
	for {
		d.mu.Lock()
		if d.heard < len(d.lines) {
			defer d.mu.Unlock()
			d.heard++
			return d.lines[d.heard-1]
		}
		more := d.more
		d.mu.Unlock()
		select {
		case <-more:
		case <-d.ended:
			require.FailNow(d.c.t, d.user+" ended before "+what)
		case <-timeout:
			require.FailNow(d.c.t, d.user+": no "+what+" within "+soon.String())
		}
	}
}

// refuses waits for what the phone says of the last line it was given.
func (d *device) refuses() {
	d.c.t.Helper()
	deadline := time.Now().Add(soon)
	text := d.refusals()[d.told]
	for ; text == ""; text = d.refusals()[d.told] {
		require.True(d.c.t, time.Now().Before(deadline), "%s did not refuse line %d", d.user, d.told)
		<-time.After(5 * time.Millisecond) // standard error can only be looked at
	}
	d.complains[d.told] = true
	d.c.write(d.user, "refused", text)
}

// refusals are the complaints on standard error, by the line of the input.
func (d *device) refusals() map[int]string {
	found := map[int]string{}
	for _, l := range strings.SplitAfter(d.errors(), "\n") {
		rest, ok := strings.CutPrefix(l, "line ")
		if !ok || !strings.HasSuffix(l, "\n") {
			continue
		}
		number, text, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			found[n] = strings.TrimSpace(text)
		}
	}
	return found
}

// idle shows that the phone does nothing and is where nothing is going on: a
// directive that is answered without a call is answered next.
func (d *device) idle() {
	d.c.t.Helper()
	d.tell("MakeCall", `{"playServiceId":"check","callType":"VIDEO","recipient":{"name":"nobody","type":"NONE"}}`)
	d.sees("MakeCallFailed")
}

// history waits until the phone's call history has n rows and logs them.
func (d *device) history(n int) []store.HistoryRow {
	d.c.t.Helper()
	s := d.open()
	defer s.Close()
	var err error
	var rows []store.HistoryRow
	eventually(d.c.t, soon, func() bool {
		rows, err = s.History(d.c.t.Context(), store.HistoryFilter{})
		require.NoError(d.c.t, err)
		return len(rows) >= n
	}, "the history of %s has not %d rows", d.user, n)
	shown := []any{}
	for _, r := range rows {
		shown = append(shown, map[string]any{
			"type": string(r.Type), "number": r.Number, "name": r.Name, "callType": r.CallType, "cause": r.Cause, "sip_code": r.SIPCode,
		})
	}
	require.Len(d.c.t, rows, n)
	d.c.write(d.user, "history", shown)
	return rows
}

// open opens the phone's store beside the phone.
func (d *device) open() *store.Store {
	d.c.t.Helper()
	s, err := store.Open(d.c.t.Context(), filepath.Join(d.dir, "softphone.db"), store.Options{})
	require.NoError(d.c.t, err)
	return s
}

// rules logs the phone's block rules, of which there must be n.
func (d *device) rules(n int) {
	d.c.t.Helper()
	s := d.open()
	defer s.Close()
	shown := []any{}
	_, err := s.Rules().RuleChanges(d.c.t.Context(), -1, func(r store.StoredRule) {
		shown = append(shown, map[string]any{"type": r.Type, "pattern": r.Pattern, "raw": r.Raw, "by": r.By})
	})
	require.NoError(d.c.t, err)
	require.Len(d.c.t, shown, n)
	d.c.write(d.user, "rules", shown)
}

// other is `softphone call` from a user of the PBX to somebody.
type other struct {
	*phone
	c    *conversation
	user string
}

func (c *conversation) call(user, target string) *other {
	c.t.Helper()
	return &other{softphone(c.t, append([]string{"call", target, "--json"}, account(asterPB, user)...)...), c, user}
}

// answered waits until the caller knows that the call was answered.
func (o *other) answered() *other {
	o.c.t.Helper()
	o.waitEvent(soon, "call.answered")
	return o
}

// went waits for the end of the call and logs how it went.
func (o *other) went() {
	o.c.t.Helper()
	exit := o.wait(soon)
	r := o.result()
	o.c.write(o.user, "call", map[string]any{"cause": r.text("cause"), "sip_code": r["sip_code"], "exit": exit})
}

// person is a recipient with a number.
func person(name, number string) string {
	return fmt.Sprintf(`{"name":%q,"type":"CONTACT","contacts":[{"label":"MOBILE","number":%q}]}`, name, number)
}

func makeCall(recipient string) string {
	return fmt.Sprintf(`{"playServiceId":"play","callType":"NORMAL","recipient":%s}`, recipient)
}

const (
	anyPlay  = `{"playServiceId":"play"}`
	accepted = `{"playServiceId":"play","speakerPhone":false}`
)

// token is the caller's in a CallArrived.
func token(l line) string {
	event, _ := l["event"].(map[string]any)
	payload, _ := event["payload"].(map[string]any)
	caller, _ := payload["caller"].(map[string]any)
	text, _ := caller["token"].(string)
	return text
}
