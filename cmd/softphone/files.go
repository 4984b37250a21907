package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
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

// importer reads a file of contacts or of rules.
type importer struct {
	short, long string
	// load reads in and adds what it can; it returns what `--json` prints, the
	// same for people, and whether all of the file was taken over.
	load func(cmd *cobra.Command, d *folder, path string, in io.Reader, dry bool) (result map[string]any, text string, whole bool, err error)
}

func (i importer) command(env *environment, f *folderFlags) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "import FILE", Short: i.short, Long: i.long, Args: exactly(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(env, func(d *folder) error {
				in, err := d.input(args[0])
				if err != nil {
					return err
				}
				defer func() { _ = in.Close() }()
				result, text, whole, err := i.load(cmd, d, args[0], in, dry)
				if err != nil {
					return err
				}
				result["type"] = "result"
				d.out.line(result, "%s", text)
				if !whole {
					return &exitError{exitUsage, &silentError{errors.New("not all could be read")}}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "read the file and tell what is wrong with it; change nothing")
	return cmd
}

// exporter writes contacts or rules, which are Ts, to a file.
type exporter[T any] struct {
	what        string // "contact"
	short, long string
	formats     string // for people
	format      string // when neither the flag nor the file's name says
	writer      func(format string) func(io.Writer, []T) error
	all         func(cmd *cobra.Command, d *folder) ([]T, error)
}

func (e exporter[T]) command(env *environment, f *folderFlags) *cobra.Command {
	var format string
	var force bool
	cmd := &cobra.Command{
		Use: "export [FILE]", Short: e.short, Long: e.long, Args: atMost(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := ""
			if len(args) > 0 {
				path = args[0]
			}
			name := cmp.Or(format, strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), "."), e.format)
			write := e.writer(name)
			if write == nil {
				return usagef("%ss are written as %s, not as %q; give --format", e.what, e.formats, name)
			}
			return f.with(env, func(d *folder) error {
				all, err := e.all(cmd, d)
				if err != nil {
					return err
				}
				if err := d.output(path, force, func(w io.Writer) error { return write(w, all) }); err != nil {
					return err
				}
				if path != "" && path != "-" {
					d.out.line(map[string]any{"type": "result", "file": path, e.what + "s": len(all)}, "%s written to %s", count(len(all), e.what), path)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "", fmt.Sprintf("`FORMAT`: %s (default: what the file's name says, else %s)", e.formats, e.format))
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
