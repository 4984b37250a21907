package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/control/api"
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

func lineOf(r api.Rule) ruleLine {
	return ruleLine{"rule", r.ID, r.Type, r.Pattern, r.Raw, r.Added, r.By}
}

func newBlock(env *environment) *cobra.Command {
	var f folderFlags
	cmd := &cobra.Command{
		Use:   "block",
		Short: "Keep the rules that refuse callers before anything rings",
		Long: `block keeps the rules: EXACT (the whole number), PREFIX and POSTFIX. A number may be
written as you like: 010-1234-5678, +82 10 1234 5678 and 01012345678 are the same. Emergency
numbers are never blocked.

  softphone block add 070 --prefix
  softphone block check +82-70-1234-5678
  softphone block explain +82-70-1234-5678
  softphone block list
  softphone block remove 1
  softphone block export rules.csv
  softphone block import rules.csv

` + folderHelp + "\n\n" + exitHelpOf("block"),
		Args: noOther,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f.add(cmd)
	f.addRegion(cmd)
	cmd.AddCommand(newBlockAdd(env, &f), newBlockRemove(env, &f), newBlockList(env, &f), newBlockCheck(env, &f),
		newBlockExplain(env, &f), newBlockImport(env, &f), newBlockExport(env, &f))
	return cmd
}

func newBlockAdd(env *environment, f *folderFlags) *cobra.Command {
	var prefix, postfix bool
	cmd := &cobra.Command{
		Use: "add NUMBER", Short: "Block a number, or all that begin or end like it",
		Long: `add makes a rule: for the whole number, or for all that begin or end like it. When it
returns, the rule is on the disk. A rule that is there already stays as it is.

  softphone block add 010-1234-5678
  softphone block add 070 --prefix
  softphone block add mallory          # a SIP user that is no number

` + exitHelpOf("block"),
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
			return on(env, f, cmd, (*folder).rules, func(d *folder, rules rules) error {
				r, err := rules.add(cmd.Context(), kind, args[0])
				if err != nil {
					return err
				}
				d.out.line(lineOf(r), "rule %d: %s %s", r.ID, r.Type, flat(r.Pattern))
				d.out.line(map[string]any{"type": "result", "added": r.ID}, "")
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&prefix, "prefix", false, "all numbers that begin so")
	cmd.Flags().BoolVar(&postfix, "postfix", false, "all numbers that end so")
	return cmd
}

func newBlockRemove(env *environment, f *folderFlags) *cobra.Command {
	return &cobra.Command{
		Use: "remove ID", Short: "Remove a rule by the id that `block list` shows",
		Long: "remove takes a rule back, by the id that `block list` shows.\n\n  softphone block remove 1\n\n" + exitHelpOf("block"),
		Args: exactly(1, "one id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id <= 0 {
				return usagef("%q is not the id of a rule; `softphone block list` shows them", args[0])
			}
			return on(env, f, cmd, (*folder).rules, func(d *folder, rules rules) error {
				if err := rules.remove(cmd.Context(), id); err != nil {
					return err
				}
				d.out.line(map[string]any{"type": "result", "removed": id}, "rule %d removed", id)
				return nil
			})
		},
	}
}

func newBlockList(env *environment, f *folderFlags) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the rules", Args: exactly(0, "no arguments"),
		Long: "list shows the rules with their ids, when they were added and by what.\n\n  softphone block list\n\n" + exitHelpOf("block"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return on(env, f, cmd, (*folder).rules, func(d *folder, rules rules) error {
				all, err := rules.all(cmd.Context())
				if err != nil {
					return err
				}
				for _, r := range all {
					d.out.line(lineOf(r), "%4d  %-8s %s added %s by %s", r.ID, r.Type, pad(flat(r.Pattern), 16), r.Added.Local().Format(time.DateTime), flat(r.By))
				}
				text := ""
				if len(all) == 0 {
					text = "no rules; `softphone block add NUMBER` makes one"
				}
				d.out.line(map[string]any{"type": "result", "rules": len(all)}, "%s", text)
				return nil
			})
		},
	}
}

// checkWith runs a command that asks about one caller; it ends with exit code 11
// when the caller is blocked.
func checkWith(env *environment, f *folderFlags, withheld *bool, show func(*folder, api.Check)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return f.with(env, func(d *folder) error {
			c, err := d.check(cmd.Context(), args[0], *withheld)
			if err != nil {
				return err
			}
			show(d, c)
			if c.Blocked {
				return &exitError{exitBlocked, &silentError{errors.New("blocked")}}
			}
			return nil
		})
	}
}

const withheldHelp = "the caller asked not to be named (RFC 3323)"

func newBlockCheck(env *environment, f *folderFlags) *cobra.Command {
	var withheld bool
	cmd := &cobra.Command{
		Use: "check NUMBER", Short: "Tell whether a caller would be blocked, and by which rule; exit code 11 if so",
		Long: `check tells whether a caller would be blocked, and by which rule.

  softphone block check +82-70-1234-5678
  softphone block check anonymous

` + exitHelpOf("block"),
		Args: exactly(1, "one number"),
		RunE: checkWith(env, f, &withheld, func(d *folder, c api.Check) {
			result := map[string]any{"type": "result", "number": c.Number, "blocked": c.Blocked}
			if c.Blocked {
				result["rule"] = c.Reason
			}
			who := c.Number
			if who == "" {
				who = "the caller"
			}
			if !c.Blocked {
				d.out.line(result, "%s is not blocked", flat(who))
				return
			}
			d.out.line(result, "%s is %s", flat(who), flat(c.Reason))
		}),
	}
	cmd.Flags().BoolVar(&withheld, "withheld", false, withheldHelp)
	return cmd
}

func newBlockExplain(env *environment, f *folderFlags) *cobra.Command {
	var withheld bool
	cmd := &cobra.Command{
		Use: "explain NUMBER", Short: "Tell how a caller is read and every rule that fits, with who made it when",
		Long: `explain tells how a caller's number is read, whether the caller would be blocked and why:
the rule, when it was added and by what, and the other rules that would block the caller if
that one were removed.

  softphone block explain 00182-70-1234-5678

` + exitHelpOf("block"),
		Args: exactly(1, "one number"),
		RunE: checkWith(env, f, &withheld, func(d *folder, c api.Check) {
			who := c.Number + " is a " + c.Kind
			if c.Number == "" {
				who = "this is a " + c.Kind
			}
			d.out.text("%s", flat(who))
			d.out.text("%s", flat(c.Reason))
			for _, r := range c.Also {
				d.out.line(lineOf(r), "also %s", flat(ruleOf(r).Explain()))
			}
			result := map[string]any{"type": "result", "number": c.Number, "kind": c.Kind, "blocked": c.Blocked, "reason": c.Reason}
			if c.Rule != nil {
				result["rule"] = lineOf(*c.Rule)
			}
			d.out.line(result, "")
		}),
	}
	cmd.Flags().BoolVar(&withheld, "withheld", false, withheldHelp)
	return cmd
}

// ruleOf is a rule of the control API as package blocklist has it.
func ruleOf(r api.Rule) blocklist.Rule {
	kind, err := blocklist.ParseType(r.Type)
	if err != nil {
		kind = blocklist.Anonymous
	}
	return blocklist.Rule{ID: r.ID, Type: kind, Pattern: r.Pattern, Raw: r.Raw, Added: r.Added, By: r.By}
}

func apiRule(r blocklist.Rule) api.Rule {
	return api.Rule{ID: r.ID, Type: r.Type.String(), Pattern: r.Pattern, Raw: r.Raw, Added: r.Added, By: r.By}
}

// check asks the phone that runs on the folder, whose settings hold, or else
// the rules and the file.
func (d *folder) check(ctx context.Context, caller string, withheld bool) (api.Check, error) {
	rules, err := d.rules(ctx)
	if err != nil {
		return api.Check{}, err
	}
	return rules.check(ctx, caller, withheld)
}
