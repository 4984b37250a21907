package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBlock_AddListCheckRemove(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	block := func(code int, args ...string) *process {
		t.Helper()
		p := runs(t, append([]string{"block", "--json", "--data-dir", data}, args...)...)
		require.Equal(t, code, p.code, "%v", args)
		require.Empty(t, p.stderr.String(), "%v", args)
		return p
	}
	only := func(p *process) line {
		t.Helper()
		lines := jsonLines(t, p.stdout.String())
		require.LessOrEqual(t, len(lines), 2)
		require.Equal(t, "result", lines[len(lines)-1]["type"], "the last line is the result")
		return lines[0]
	}
	assert.Zero(t, only(block(0, "list")).number(t, "rules"))

	exact := only(block(0, "add", "010-1234-5678"))
	assert.Equal(t, "rule", exact["type"])
	assert.Equal(t, "EXACT", exact["match"])
	assert.Equal(t, "010-1234-5678", exact["raw"])
	assert.Equal(t, "cli", exact["by"])
	prefix := only(block(0, "add", "--prefix", "070"))
	assert.Equal(t, "PREFIX", prefix["match"])
	assert.Equal(t, "POSTFIX", only(block(0, "add", "9999", "--postfix"))["match"])
	assert.Len(t, jsonLines(t, block(0, "list").stdout.String()), 3+1, "and the result")

	for number, blocked := range map[string]bool{
		"01012345678": true, "+82 10 1234 5678": true, "tel:+82-10-1234-5678": true, "01012345679": false,
		"+82-70-1234-5678": true, "07000000000": true, "0701": true,
		"0212349999": true, "0212349998": false,
	} {
		code := exitDone
		if blocked {
			code = exitBlocked
		}
		r := only(block(code, "check", number))
		assert.Equal(t, "result", r["type"])
		assert.Equal(t, blocked, r["blocked"], number)
		assert.Equal(t, blocked, r["rule"] != nil, number)
	}

	id := int(prefix.number(t, "id"))
	removed := only(block(0, "remove", "2"))
	require.Equal(t, 2, id)
	assert.EqualValues(t, 2, removed["removed"])
	assert.Equal(t, false, only(block(0, "check", "07012345678"))["blocked"])
	assert.Len(t, jsonLines(t, block(0, "list").stdout.String()), 2+1)
}

func TestBlock_InWords(t *testing.T) {
	t.Parallel()
	data := []string{"--data-dir", t.TempDir()}
	says := func(code int, args ...string) string {
		t.Helper()
		p := runs(t, append(append([]string{"block"}, args...), data...)...)
		require.Equal(t, code, p.code)
		require.Empty(t, p.stderr.String())
		return p.stdout.String()
	}
	assert.Contains(t, says(0, "list"), "no rules")
	assert.Contains(t, says(0, "add", "070", "--prefix"), "rule 1: PREFIX 070")
	assert.Regexp(t, `^ +1  PREFIX +070 +added \d{4}-\d\d-\d\d .* by cli\n$`, says(0, "list"))
	assert.Contains(t, says(0, "check", "02-123-4567"), "is not blocked")
	assert.Contains(t, says(exitBlocked, "check", "070-1234-5678"), "070")
	assert.Contains(t, says(0, "remove", "1"), "rule 1 removed")
	assert.Contains(t, says(0, "list"), "no rules")
}

func TestBlock_Refuses(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	require.Zero(t, runs(t, "block", "add", "070", "--prefix", "--data-dir", data).code)
	file := filepath.Join(t.TempDir(), "softphone.toml")
	require.NoError(t, os.WriteFile(file, []byte("[phone]\nregion = \"Korea\"\n"), 0o600))
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"unknown command":     {[]string{"forbid"}, "forbid"},
		"nothing to add":      {[]string{"add"}, "one number"},
		"two to add":          {[]string{"add", "1", "2"}, "one number"},
		"both ways":           {[]string{"add", "070", "--prefix", "--postfix"}, "--prefix and --postfix"},
		"empty":               {[]string{"add", ""}, "empty"},
		"too long":            {[]string{"add", strings.Repeat("1", 1000)}, "refused"},
		"an id of words":      {[]string{"remove", "first"}, "block list"},
		"an id of nobody":     {[]string{"remove", "-1"}, "-1"},
		"no such file":        {[]string{"import", filepath.Join(data, "none.csv")}, "none.csv"},
		"two files":           {[]string{"import", "a", "b"}, "one file"},
		"export to two":       {[]string{"export", "a", "b"}, "one file"},
		"export as what":      {[]string{"export", "--format", "xml"}, "csv or json"},
		"export to what":      {[]string{"export", "rules.pdf"}, "csv or json"},
		"export to nowhere":   {[]string{"export", filepath.Join(data, "no", "rules.csv")}, "rules.csv"},
		"export over a file":  {[]string{"export", file, "--format", "csv"}, "--force"},
		"explain what":        {[]string{"explain"}, "one number"},
		"list of what":        {[]string{"list", "070"}, "no arguments"},
		"check what":          {[]string{"check"}, "one number"},
		"no such flag":        {[]string{"list", "--all"}, "--all"},
		"no such country":     {[]string{"list", "--region", "XX"}, "XX"},
		"country in the file": {[]string{"list", "-c", file}, "Korea"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := runs(t, append([]string{"block", "--data-dir", data}, c.args...)...)
			assert.Equal(t, exitUsage, p.code)
			assert.Empty(t, p.stdout.String())
			assert.Contains(t, oneSentence(t, p), c.says)
		})
	}
	none := runs(t, "block", "remove", "77", "--data-dir", data)
	assert.Equal(t, exitNotFound, none.code)
	assert.Contains(t, oneSentence(t, none), "no rule 77")
	require.Zero(t, runs(t, "block", "add", "070", "--prefix", "--data-dir", data).code, "the same rule again is no harm")
	p := runs(t, "block", "list", "--data-dir", data)
	assert.Equal(t, 1, strings.Count(p.stdout.String(), "\n"), "nothing was added")
}
