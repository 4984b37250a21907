package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/store"
)

// ruleLine is a block rule as --json prints it.
type ruleLine struct {
	Type    string    `json:"type"` // "rule"
	ID      int64     `json:"id"`
	Match   string    `json:"match"` // EXACT, PREFIX, POSTFIX
	Pattern string    `json:"pattern"`
	Raw     string    `json:"raw"`
	Added   time.Time `json:"added"`
	By      string    `json:"by"`
}

func lineOf(r blocklist.Rule) ruleLine {
	return ruleLine{"rule", r.ID, r.Type.String(), r.Pattern, r.Raw, r.Added, r.By}
}

// blockFlags are those of every block command.
type blockFlags struct {
	file, dataDir, region string
	json                  bool
}

func newBlock(env *environment) *cobra.Command {
	var f blockFlags
	cmd := &cobra.Command{
		Use:   "block",
		Short: "Keep the rules that refuse callers before anything rings",
		Long: `block keeps the rules: EXACT (the whole number), PREFIX and POSTFIX. A number may be
written as you like: 010-1234-5678, +82 10 1234 5678 and 01012345678 are the same.

  softphone block add 070 --prefix
  softphone block check +82-70-1234-5678
  softphone block list
  softphone block remove 1

` + exitHelp,
		Args: noOther,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	fs := cmd.PersistentFlags()
	fs.StringVarP(&f.file, "config", "c", "", "TOML `FILE` with data_dir and phone.region")
	fs.StringVar(&f.dataDir, "data-dir", "", "`DIR` of the rules (default ~/.local/state/softphone)")
	fs.StringVar(&f.region, "region", "", "country whose numbers these are (default KR)")
	fs.BoolVar(&f.json, "json", false, "print JSON lines")
	cmd.AddCommand(newBlockAdd(env, &f), newBlockRemove(env, &f), newBlockList(env, &f), newBlockCheck(env, &f))
	return cmd
}

// with opens the rules for one command.
func (f *blockFlags) with(ctx context.Context, env *environment, do func(*printer, *number.Plan, *blocklist.List) error) (err error) {
	shared := flags{file: f.file, dataDir: f.dataDir}
	c, err := shared.load(env)
	if err != nil {
		return err
	}
	if f.region != "" {
		c.Phone.Region = f.region
	}
	plan, err := number.New(c.Phone.Region)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	s, err := store.Open(ctx, filepath.Join(c.DataDir, phone.StoreName), store.Options{})
	if err != nil {
		return badInput(fmt.Errorf("%w; another folder can be given with --data-dir", err))
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	list, err := blocklist.New(plan, blocklist.Options{Store: s.Rules(), AnonymousBlocked: c.Block.Anonymous})
	if err != nil {
		return err
	}
	return do(newPrinter(env.stdout, f.json), plan, list)
}

func newBlockAdd(env *environment, f *blockFlags) *cobra.Command {
	var prefix, postfix bool
	cmd := &cobra.Command{
		Use: "add NUMBER", Short: "Block a number, or all that begin or end like it",
		Long: `add makes a rule: for the whole number, or for all that begin or end like it.

  softphone block add 010-1234-5678
  softphone block add 070 --prefix

` + exitHelp,
		Args: exactly(1, "one number"),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := blocklist.Exact
			switch {
			case prefix && postfix:
				return usagef("--prefix and --postfix exclude each other")
			case prefix:
				kind = blocklist.Prefix
			case postfix:
				kind = blocklist.Postfix
			}
			return f.with(cmd.Context(), env, func(p *printer, _ *number.Plan, l *blocklist.List) error {
				r, err := l.Add(cmd.Context(), kind, args[0], "cli")
				if err != nil {
					return &exitError{exitUsage, err}
				}
				p.line(lineOf(r), "rule %d: %s %s", r.ID, r.Type, r.Pattern)
				p.line(map[string]any{"type": "result", "added": r.ID}, "")
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&prefix, "prefix", false, "all numbers that begin so")
	cmd.Flags().BoolVar(&postfix, "postfix", false, "all numbers that end so")
	return cmd
}

func newBlockRemove(env *environment, f *blockFlags) *cobra.Command {
	return &cobra.Command{
		Use: "remove ID", Short: "Remove a rule by the id that `block list` shows",
		Long: "remove takes a rule back, by the id that `block list` shows.\n\n  softphone block remove 1\n\n" + exitHelp,
		Args: exactly(1, "one id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usagef("%q is not the id of a rule; `softphone block list` shows them", args[0])
			}
			return f.with(cmd.Context(), env, func(p *printer, _ *number.Plan, l *blocklist.List) error {
				if err := l.Remove(cmd.Context(), id); err != nil {
					return &exitError{exitUsage, err}
				}
				p.line(map[string]any{"type": "result", "removed": id}, "rule %d removed", id)
				return nil
			})
		},
	}
}

func newBlockList(env *environment, f *blockFlags) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the rules", Args: exactly(0, "no arguments"),
		Long: "list shows the rules with their ids.\n\n  softphone block list\n\n" + exitHelp,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.with(cmd.Context(), env, func(p *printer, _ *number.Plan, l *blocklist.List) error {
				rules := l.Rules()
				for _, r := range rules {
					p.line(lineOf(r), "%4d  %-8s %-16s added %s by %s", r.ID, r.Type, r.Pattern, r.Added.Local().Format(time.DateTime), r.By)
				}
				text := ""
				if len(rules) == 0 {
					text = "no rules; `softphone block add NUMBER` makes one"
				}
				p.line(map[string]any{"type": "result", "rules": len(rules)}, "%s", text)
				return nil
			})
		},
	}
}

func newBlockCheck(env *environment, f *blockFlags) *cobra.Command {
	return &cobra.Command{
		Use: "check NUMBER", Short: "Tell whether a caller would be blocked, and by which rule; exit code 11 if so",
		Long: "check tells whether a caller would be blocked, and by which rule.\n\n  softphone block check +82-70-1234-5678\n\n" + exitHelp,
		Args: exactly(1, "one number"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(cmd.Context(), env, func(p *printer, plan *number.Plan, l *blocklist.List) error {
				n := plan.Parse(args[0])
				r, blocked := l.Match(n)
				result := map[string]any{"type": "result", "number": n.String(), "blocked": blocked}
				if !blocked {
					p.line(result, "%s is not blocked", n)
					return nil
				}
				result["rule"] = r.Explain()
				p.line(result, "%s is %s", n, r.Explain())
				return &exitError{exitBlocked, &silentError{errors.New("blocked")}}
			})
		},
	}
}
