package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestUsageErrors: one clear sentence, exit code 2, nothing on standard output,
// and no phone that starts.
func TestUsageErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	open := file("open.password", "secret")
	require.NoError(t, os.Chmod(open, 0o644))
	openConfig := file("open.toml", "[[account]]\nserver = \"h\"\nuser = \"u\"\npassword = \"hush-hush\"\n")
	require.NoError(t, os.Chmod(openConfig, 0o644))
	wav := speechFile(t)
	garbage := file("garbage.wav", "no sound at all")
	nowhere := filepath.Join(dir, "no", "such")
	account := []string{"--server", "127.0.0.1:9", "--user", "alice"}
	ex := newExchange(t)

	for name, c := range map[string]struct {
		line string // $WORDS stand for files
		says string
	}{
		"no such command":        {"fax", `"fax"`},
		"no such flag":           {"call --speed 3 600", "--speed"},
		"flag without value":     {"call 600 --play", "--play"},
		"bad duration":           {"call 600 --duration fast", "fast"},
		"bad number":             {"answer --max-calls many", "many"},
		"no target":              {"call", "one target"},
		"two targets":            {"call 600 601", "one target"},
		"empty target":           {"call $ACCOUNT \x00", "empty"},
		"target without host":    {"call 600", "600"},
		"target of no sense":     {"call $ACCOUNT sip:", "sip:"},
		"register what":          {"register alice", "no arguments"},
		"register without PBX":   {"register", "--server"},
		"run without PBX":        {"run", "--server"},
		"demo what":              {"demo now", "no arguments"},
		"version of what":        {"version now", "no arguments"},
		"user alone":             {"call --user alice 600", "--server"},
		"server alone":           {"call --server pbx 600", "--user"},
		"server of no sense":     {"register --server a/b --user alice", "a/b"},
		"port of no sense":       {"register --server pbx:99999 --user alice", "1 to 65535"},
		"transport":              {"register $ACCOUNT --transport sctp", "sctp"},
		"transport without PBX":  {"call sip:a@127.0.0.1:9 --transport sctp", "sctp"},
		"password on command":    {"register $ACCOUNT --password x", "--password"},
		"no password file":       {"register $ACCOUNT --password-file $NOWHERE", "$NOWHERE"},
		"password file of all":   {"register $ACCOUNT --password-file $OPEN", "chmod 600"},
		"listen":                 {"answer --listen here", "here"},
		"listen on other host":   {"answer --listen 192.0.2.1:5060", "192.0.2.1"},
		"data folder":            {"answer --data-dir $GARBAGE", "$GARBAGE"},
		"data folder of rules":   {"block list --data-dir $GARBAGE", "$GARBAGE"},
		"record into a folder":   {"answer --record /", "--record"},
		"port in use":            {"answer --listen $EXCHANGE", "in use"},
		"rtp ports":              {"answer --rtp-ports 9-5", "9-5"},
		"codec":                  {"call sip:a@127.0.0.1:9 --codec opus", "opus"},
		"ptime":                  {"call sip:a@127.0.0.1:9 --ptime 15ms", "15ms"},
		"playout delay":          {"answer --playout-delay 1ms", "--playout-delay"},
		"negative playout delay": {"answer --playout-delay -30ms", "--playout-delay"},
		"srtp":                   {"answer --srtp maybe", "maybe"},
		"srtp suite":             {"answer --srtp-suites ROT13", "AEAD_AES_128_GCM"},
		"srtp suite twice":       {"answer --srtp-suites AEAD_AES_128_GCM,aead_aes_128_gcm", "twice"},
		"log level":              {"answer --log-level loud", "loud"},
		"no config":              {"run -c $NOWHERE", "$NOWHERE"},
		"config for all":         {"run -c $OPENCONFIG", "chmod 600"},
		"config syntax":          {"run -c $SYNTAX", ":2:"},
		"config unknown key":     {"run -c $UNKNOWN", "sip.lissten"},
		"config unknown table":   {"run -c $TABLE", "sips"},
		"config unknown account": {"run -c $ACCOUNTKEY", "account.passwort"},
		"config region":          {"run -c $REGION", "Korea"},
		"config several":         {"run -c $SEVERAL", "media.ptime"},
		"block config":           {"block list -c $UNKNOWN", "sip.lissten"},
		"no WAV":                 {"call sip:a@127.0.0.1:9 --play $NOWHERE", "$NOWHERE"},
		"no sound in it":         {"call sip:a@127.0.0.1:9 --play $GARBAGE", "$GARBAGE"},
		"echo and play":          {"answer --echo --play $WAV", "--echo and --play"},
		"record nowhere":         {"call sip:a@127.0.0.1:9 --record $NOWHERE/x.wav", "--record"},
		"answer record nowhere":  {"answer --record $NOWHERE/x.wav", "--record"},
		"run record nowhere":     {"run $ACCOUNT --record $NOWHERE/x.wav", "--record"},
		"record over play":       {"call sip:a@127.0.0.1:9 --play $WAV --record $WAV", "--record"},
		"pcap nowhere":           {"call sip:a@127.0.0.1:9 --pcap $NOWHERE/x.pcap", "--pcap"},
		"record mode":            {"call sip:a@127.0.0.1:9 --record x.wav --record-mode both", "heard, mix and stereo"},
		"record mode alone":      {"answer --record-mode stereo", "--record"},
		"dtmf mode":              {"answer --dtmf-mode smoke", "rfc4733"},
		"session expires":        {"answer --session-expires 60s", "sip.session_expires: is 1m0s; give session_min (1m30s) or more"},
		"digits":                 {"call sip:a@127.0.0.1:9 --dtmf 12x", `"x"`},
		"digits of answer":       {"answer --dtmf é", `"é"`},
		"hold":                   {"call sip:a@127.0.0.1:9 --hold 3s", "--hold"},
		"no calls":               {"answer --max-calls 0", "--max-calls"},
		"negative count":         {"answer --count -1", "--count"},
		"negative after":         {"answer --after -1s", "--after"},
		"negative duration":      {"answer --duration -1s", "--duration"},
		"negative duration call": {"call sip:a@127.0.0.1:9 --duration -1s", "--duration"},
		"negative tail":          {"call sip:a@127.0.0.1:9 --tail -1s", "--tail"},
		"negative timeout":       {"call sip:a@127.0.0.1:9 --timeout -1s", "--timeout"},
		"negative hold":          {"call sip:a@127.0.0.1:9 --hold 1s,-1s", "--hold"},
		"negative stay":          {"register $ACCOUNT --duration -1s", "--duration"},
		"negative wait":          {"register $ACCOUNT --timeout -1s", "--timeout"},
		"no wait":                {"register $ACCOUNT --timeout 0s", "--timeout"},
		"negative expires":       {"register $ACCOUNT --expires -1s", "expires"},
		"replay without trace":   {"replay --in $WAV --out x.wav", "--trace"},
		"replay without in":      {"replay --trace x --out x.wav", "--in"},
		"replay without out":     {"replay --trace x --in $WAV", "--out"},
		"replay what":            {"replay now", "no arguments"},
		"replay no trace":        {"replay --trace $NOWHERE --in $WAV --out $NOWHERE", "--trace"},
		"replay bad trace":       {"replay --trace $GARBAGE --in $WAV --out $NOWHERE", "$GARBAGE"},
		"replay no in":           {"replay --trace $TRACE --in $NOWHERE --out $NOWHERE", "--in"},
		"replay no out":          {"replay --trace $TRACE --in $WAV --out $NOWHERE/x.wav", "--out"},
		"replay codec":           {"replay --trace $TRACE --in $WAV --out $NOWHERE --codec opus", "opus"},
		"replay plot":            {"replay --trace $TRACE --in $WAV --plot $NOWHERE.jpg", "use .png or .svg"},
		"replay plot nowhere":    {"replay --trace $TRACE --in $WAV --plot $NOWHERE/x.svg", "--plot"},
		"replay plot nothing":    {"replay --trace $TRACE --in $WAV --plot $NOWHERE.svg --plot-from 2h", "--plot"},
		"replay part of nothing": {"replay --trace $TRACE --in $WAV --out x.wav --plot-from 2s", "--plot is missing"},
		"replay part backwards":  {"replay --trace $TRACE --in $WAV --plot x.png --plot-from 2s --plot-to 1s", "--plot-from"},
		"replay both":            {"replay --trace $TRACE --pcap x --in $WAV --out x.wav", "exclude"},
		"replay no capture":      {"replay --pcap $NOWHERE --out $NOWHERE", "$NOWHERE"},
		"replay bad capture":     {"replay --pcap $GARBAGE --out $NOWHERE", "no pcap"},
		"replay SSRC":            {"replay --pcap $GARBAGE --ssrc 12x --out $NOWHERE", "12x"},
		"replay SSRC of trace":   {"replay --trace $TRACE --ssrc 12 --in $WAV --out $NOWHERE", "--pcap"},
		"trace of what":          {"trace", "one network"},
		"trace of no network":    {"trace carrier-pigeon", "wifi"},
		"trace of two":           {"trace wifi lte", "one network"},
		"trace and capture":      {"trace wifi --pcap x", "no network"},
		"trace too long":         {"trace wifi --duration 9h", "--duration"},
		"trace nowhere":          {"trace wifi --out $NOWHERE/x.txt", "--out"},
		"trace bad capture":      {"trace --pcap $GARBAGE", "$GARBAGE"},
		"demo folder":            {"demo --dir $GARBAGE", "$GARBAGE"},
		"no such contacts":       {"contacts fax", `"fax"`},
		"contacts to import":     {"contacts import", "one file"},
		"contacts of nowhere":    {"contacts import $NOWHERE", "$NOWHERE"},
		"contacts of no file":    {"contacts import $GARBAGE", "no column that is known"},
		"contacts as what":       {"contacts export --format xml", "vcard4, vcard3 or csv"},
		"contacts to what":       {"contacts export x.pdf", "vcard4, vcard3 or csv"},
		"contacts to nowhere":    {"contacts export $NOWHERE.vcf", "$NOWHERE.vcf"},
		"contacts over a file":   {"contacts export $GARBAGE --format csv", "--force"},
		"list which contacts":    {"contacts list all", "no arguments"},
		"search whom":            {"contacts search", "a name"},
		"search for nobody":      {"contacts search \x00 --label home", "the name is empty"},
		"contacts of a folder":   {"contacts import .", "is a folder"},
		"rules of a folder":      {"block import .", "is a folder"},
		"search how many":        {"contacts search x --limit 71", "1 to 70"},
		"show whom":              {"contacts show", "one id or token"},
		"remove whom":            {"contacts remove", "one id or token"},
		"add whom":               {"contacts add Jane", "a name and a number"},
		"add nobody":             {"contacts add \x00 600", "no name"},
		"add no number":          {"contacts add Jane home=", "empty"},
		"contacts of a region":   {"contacts list --region XX", "XX"},
		"history of what":        {"history today", "no arguments"},
		"history how long":       {"history --limit 0", "--limit"},
		"history of what type":   {"history --type LOST", "OUT_CANCELED"},
		"history both":           {"history --missed --type IN", "exclude"},
		"history which way":      {"history --direction up", "in and out"},
		"history of whom":        {"history --number anonymous", "no number"},
		"history since when":     {"history --since yesterday", "2026-11-21"},
		"history until when":     {"history --until later", "--until"},
		"history before what":    {"history --before -1", "--before"},
		"data folder of history": {"history --data-dir $GARBAGE", "--data-dir"},
		"directive of what":      {"directive", "one file"},
		"directive of nowhere":   {"directive $NOWHERE", "$NOWHERE"},
		"directive of no JSON":   {"directive $GARBAGE", "line 1"},
		"directive of nothing":   {"directive -", "no directive"},
		"directive, no time":     {"directive - --wait -1s", "--wait"},
		"context of what":        {"context now", "no arguments"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			words := map[string]string{
				"$NOWHERE": nowhere, "$OPENCONFIG": openConfig, "$OPEN": open, "$WAV": wav, "$GARBAGE": garbage,
				"$EXCHANGE": ex.Addr(), "$TRACE": filepath.Join("..", "..", "testdata", "traces", "clean.txt"),
				"$SYNTAX":     filepath.Join(dir, "syntax.toml"),
				"$UNKNOWN":    filepath.Join(dir, "unknown.toml"),
				"$TABLE":      filepath.Join(dir, "table.toml"),
				"$ACCOUNTKEY": filepath.Join(dir, "account.toml"),
				"$REGION":     filepath.Join(dir, "region.toml"),
				"$SEVERAL":    filepath.Join(dir, "several.toml"),
			}
			fill := func(s string) string {
				for _, w := range []string{"$NOWHERE", "$OPENCONFIG", "$OPEN", "$WAV", "$GARBAGE", "$EXCHANGE", "$TRACE", "$SYNTAX", "$UNKNOWN", "$TABLE", "$ACCOUNTKEY", "$REGION", "$SEVERAL"} {
					s = strings.ReplaceAll(s, w, words[w])
				}
				return s
			}
			var args []string
			for _, w := range strings.Fields(c.line) {
				switch w {
				case "$ACCOUNT":
					args = append(args, account...)
				case "\x00":
					args = append(args, "")
				default:
					args = append(args, fill(w))
				}
			}
			data := filepath.Join(t.TempDir(), "data")
			p := world{env: map[string]string{"SOFTPHONE_DATA_DIR": data}}.start(t, args...)
			assert.Equal(t, exitUsage, p.wait())
			assert.Empty(t, p.stdout.String())
			said := oneSentence(t, p)
			assert.Contains(t, said, fill(c.says))
			assert.NotContains(t, said, "hush-hush")
			assert.Less(t, len(said), 400, "a sentence, not a page")
		})
	}
	file("syntax.toml", "[sip\n")
	file("unknown.toml", "[sip]\nlissten = []\n")
	file("table.toml", "[sips]\nlisten = []\n")
	file("account.toml", "[[account]]\nserver = \"h\"\nuser = \"u\"\npasswort = \"p\"\n")
	file("region.toml", "[phone]\nregion = \"Korea\"\n[[account]]\nserver = \"127.0.0.1:9\"\nuser = \"u\"\n")
	file("several.toml", "[media]\nptime = \"5ms\"\ncodecs = [\"g729\"]\n[log]\nlevel = \"loud\"\n")
}

func TestHelp_ShowsExampleAndExitCodes(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"", "demo", "register", "call", "answer", "run", "doctor", "replay", "trace", "version",
		"block", "block add", "block remove", "block list", "block check", "block explain", "block import", "block export",
		"contacts", "contacts import", "contacts export", "contacts list", "contacts search", "contacts show", "contacts add", "contacts remove",
		"history", "directive", "context",
	} {
		t.Run("softphone "+command, func(t *testing.T) {
			t.Parallel()
			p := runs(t, append(strings.Fields(command), "--help")...)
			require.Zero(t, p.code)
			assert.Empty(t, p.stderr.String())
			help := p.stdout.String()
			assert.Regexp(t, `(?m)^  (SOFTPHONE_PASSWORD=\S+ )?softphone `+command, help, "an example")
			assert.Contains(t, help, "Exit codes:")
			for l := range strings.Lines(help) {
				assert.LessOrEqual(t, len(strings.TrimRight(l, "\n")), 160, "%q", l)
			}
		})
	}
	p := runs(t)
	assert.Zero(t, p.code)
	assert.Contains(t, p.stdout.String(), "softphone demo", "without a command the help is shown")
}

// The help of each command lists its exit codes; those that mean something else
// than to a call are all in one place too.
func TestHelp_ExitCodes(t *testing.T) {
	t.Parallel()
	topic := runs(t, "help", "exit-codes")
	require.Zero(t, topic.code)
	assert.Contains(t, topic.stdout.String(), exitHelp)
	assert.Equal(t, topic.stdout.String(), runs(t, "exit-codes", "--help").stdout.String())
	for code := exitDone; code <= exitRejected; code++ {
		assert.Regexp(t, fmt.Sprintf(`(?m)(^|  )%d +\w`, code), exitHelp)
	}
	seen := 0
	for _, c := range exitMeanings() {
		help := runs(t, c.command, "--help").stdout.String()
		last := -1
		for _, m := range c.meanings {
			assert.Greater(t, m.code, last, "in order")
			assert.LessOrEqual(t, m.code, exitRejected)
			assert.Contains(t, help, fmt.Sprintf("\n  %-2d %s\n", m.code, m.text))
			assert.Regexp(t, fmt.Sprintf(`(?m)^  %s +%d  %s$`, c.command, m.code, regexp.QuoteMeta(m.text)), topic.stdout.String())
			last = m.code
			seen++
		}
	}
	assert.Equal(t, seen, len(regexp.MustCompile(`(?m)^  [a-z]+ +\d+  `).FindAllString(topic.stdout.String(), -1)), "and no others")
}

func TestVersion(t *testing.T) {
	t.Parallel()
	p := runs(t, "version", "--json")
	r := p.result()
	assert.Zero(t, p.code)
	assert.Equal(t, version, r["version"])
	assert.Equal(t, runtime.Version(), r["go"])
	assert.Equal(t, runtime.GOOS, r["os"])
	assert.Equal(t, runtime.GOARCH, r["arch"])
	p = runs(t, "version")
	assert.Equal(t, "softphone dev ("+runtime.Version()+", "+runtime.GOOS+"/"+runtime.GOARCH+")\n", p.stdout.String())
}
