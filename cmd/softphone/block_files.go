package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/blocklist"
)

func newBlockImport(env *environment, f *folderFlags) *cobra.Command {
	return importer{
		short: "Add the rules of a CSV or JSON file; - is standard input",
		long: `import adds the rules of a file in one step. What can be no rule is left out and named with
its line, and the exit code is 2. Rules that are there already stay as they are.

CSV has a first line that names its columns: type, pattern and, if known, raw, added, by. A
file of numbers alone, one a line, becomes EXACT rules. JSON is an array of objects with the
same names, or the lines that block list --json prints.

  softphone block import rules.csv
  softphone block import --dry-run rules.json
  printf 'type,pattern\nPREFIX,070\nPOSTFIX,9999\n' | softphone block import -

` + exitHelpOf("block"),
		load: importRules,
	}.command(env, f)
}

func importRules(cmd *cobra.Command, d *folder, path string, in io.Reader, dry bool) (map[string]any, string, bool, error) {
	entries, problems, _, err := blocklist.Read(in, d.plan)
	if err != nil {
		return nil, "", false, &exitError{exitUsage, fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "blocklist: "))}
	}
	for _, p := range problems {
		d.complain(path, problemLine{Line: p.Line, Text: strings.TrimPrefix(p.Err.Error(), "blocklist: ")})
	}
	wrong := count(len(problems), "problem")
	result := map[string]any{"read": len(entries), "added": 0, "problems": len(problems)}
	if dry {
		text := fmt.Sprintf("%s in the file, %s; nothing was changed", count(len(entries), "rule"), wrong)
		return result, text, len(problems) == 0, nil
	}
	added := 0
	if len(entries) > 0 {
		to, err := d.rules(cmd.Context())
		if err != nil {
			return nil, "", false, err
		}
		if added, err = to.load(cmd.Context(), entries); err != nil {
			return nil, "", false, err
		}
	}
	result["added"], result["known"] = added, len(entries)-added
	text := fmt.Sprintf("%s added, %d there already, %s", count(added, "rule"), len(entries)-added, wrong)
	return result, text, len(problems) == 0, nil
}

func newBlockExport(env *environment, f *folderFlags) *cobra.Command {
	return exporter[blocklist.Rule]{
		what: "rule", short: "Write the rules as CSV or JSON, as import takes them",
		long: `export writes all rules with who added them when, so that import brings them back as they
were. Without a file they go to standard output. The format follows the file's name.

  softphone block export rules.csv
  softphone block export --format json | jq .

` + exitHelpOf("block"),
		formats: "csv or json", format: "csv",
		writer: func(format string) func(io.Writer, []blocklist.Rule) error {
			return map[string]func(io.Writer, []blocklist.Rule) error{"csv": blocklist.WriteCSV, "json": blocklist.WriteJSON}[format]
		},
		all: func(cmd *cobra.Command, d *folder) ([]blocklist.Rule, error) {
			from, err := d.rules(cmd.Context())
			if err != nil {
				return nil, err
			}
			all, err := from.all(cmd.Context())
			rules := make([]blocklist.Rule, len(all))
			for i, r := range all {
				rules[i] = ruleOf(r)
			}
			return rules, err
		},
	}.command(env, f)
}
