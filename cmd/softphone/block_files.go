package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/blocklist"
)

// problemLine is a place in a file that could not be taken over, as --json
// prints it.
type problemLine struct {
	Type  string `json:"type"` // "problem"
	Line  int    `json:"line"`
	Count int    `json:"count,omitempty"`
	Kind  string `json:"kind,omitempty"`
	Text  string `json:"text"`
}

// complain prints a problem of a file: with --json among the lines, else on
// standard error, so that it is seen when the output is a file.
func (d *folder) complain(file string, p problemLine) {
	if d.out.json {
		p.Type = "problem"
		d.out.line(p, "")
		return
	}
	kind := ""
	if p.Kind != "" {
		kind = p.Kind + ": "
	}
	times := ""
	if p.Count > 1 {
		times = fmt.Sprintf(" (%d times)", p.Count)
	}
	fmt.Fprintf(d.env.stderr, "%s:%d: %s%s%s\n", file, p.Line, kind, printable(p.Text), times)
}

func newBlockImport(env *environment, f *folderFlags) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Add the rules of a CSV or JSON file; - is standard input",
		Long: `import adds the rules of a file in one step. What can be no rule is left out and named with
its line, and the exit code is 2. Rules that are there already stay as they are.

CSV has a first line that names its columns: type, pattern and, if known, raw, added, by. A
file of numbers alone, one a line, becomes EXACT rules. JSON is an array of objects with the
same names, or the lines that block list --json prints.

  softphone block import rules.csv
  softphone block import --dry-run rules.json
  printf 'type,pattern\nPREFIX,070\nPOSTFIX,9999\n' | softphone block import -

` + blockExitHelp,
		Args: exactly(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(env, func(d *folder) error { return importRules(cmd, d, args[0], dry) })
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "read the file and tell what is wrong with it; change nothing")
	return cmd
}

func importRules(cmd *cobra.Command, d *folder, path string, dry bool) error {
	in, err := d.input(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	entries, problems, _, err := blocklist.Read(in, d.plan)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("%s: %w", path, err)}
	}
	for _, p := range problems {
		d.complain(path, problemLine{Line: p.Line, Text: strings.TrimPrefix(p.Err.Error(), "blocklist: ")})
	}
	added := 0
	if !dry && len(entries) > 0 {
		to, err := d.rules(cmd.Context())
		if err != nil {
			return err
		}
		if added, err = to.load(cmd.Context(), entries); err != nil {
			return err
		}
	}
	result := map[string]any{"type": "result", "read": len(entries), "added": added, "known": len(entries) - added, "problems": len(problems)}
	if dry {
		delete(result, "known")
		d.out.line(result, "%s in the file, %s; nothing was changed", count(len(entries), "rule"), count(len(problems), "problem"))
	} else {
		d.out.line(result, "%s added, %d there already, %s", count(added, "rule"), len(entries)-added, count(len(problems), "problem"))
	}
	if len(problems) > 0 {
		return &exitError{exitUsage, &silentError{errors.New("not all could be read")}}
	}
	return nil
}

func newBlockExport(env *environment, f *folderFlags) *cobra.Command {
	var format string
	var force bool
	cmd := &cobra.Command{
		Use: "export [FILE]", Short: "Write the rules as CSV or JSON, as import takes them",
		Long: `export writes all rules with who added them when, so that import brings them back as they
were. Without a file they go to standard output. The format follows the file's name.

  softphone block export rules.csv
  softphone block export --format json | jq .

` + blockExitHelp,
		Args: atMost(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := ""
			if len(args) > 0 {
				path = args[0]
			}
			format = cmp.Or(format, strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), "."), "csv")
			write := map[string]func(io.Writer, []blocklist.Rule) error{"csv": blocklist.WriteCSV, "json": blocklist.WriteJSON}[format]
			if write == nil {
				return usagef("rules are written as csv or json, not as %q; give --format", format)
			}
			return f.with(env, func(d *folder) error {
				all, err := d.allRules(cmd.Context())
				if err != nil {
					return err
				}
				rules := make([]blocklist.Rule, len(all))
				for i, r := range all {
					rules[i] = ruleOf(r)
				}
				if err := d.output(path, force, func(w io.Writer) error { return write(w, rules) }); err != nil {
					return err
				}
				if path != "" && path != "-" {
					d.out.line(map[string]any{"type": "result", "file": path, "rules": len(rules)}, "%s written to %s", count(len(rules), "rule"), path)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "`FORMAT`: csv or json (default: what the file's name says, else csv)")
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that is there already")
	return cmd
}

// count is "1 rule", "2 rules".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// atMost is cobra.MaximumNArgs with a sentence for people.
func atMost(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usagef("%s takes %s at most, %d given; `%s --help` shows an example",
				cmd.CommandPath(), what, len(args), cmd.CommandPath())
		}
		return nil
	}
}
