package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/agent"
)

func newContext(env *environment) *cobra.Command {
	var f folderFlags
	cmd := &cobra.Command{
		Use:   "context",
		Short: "Show what a running phone is doing: the PhoneCall context",
		Long: `context asks the phone that runs on the data folder for its PhoneCall 1.3 context: the state,
the other party, the candidates that are shown, and whether another number may be blocked.

  softphone context
  softphone context --json | jq .PhoneCall.state

` + exitHelpOf("context"),
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.with(env, func(d *folder) error {
				phone, err := d.mustRun(cmd.Context())
				if err != nil {
					return err
				}
				raw, err := phone.Context(cmd.Context())
				if err != nil {
					return refusedBy(err)
				}
				var members map[string]any
				var c agent.Context
				if err := errors.Join(json.Unmarshal(raw, &members), json.Unmarshal(raw, &c)); err != nil {
					return fmt.Errorf("the phone's context cannot be read: %w", err)
				}
				members["type"] = "result"
				for _, l := range contextLines(c.PhoneCall) {
					d.out.text("%s", l)
				}
				d.out.line(members, "")
				return nil
			})
		},
	}
	f.add(cmd)
	return cmd
}

// contextLines are the context for people.
func contextLines(c agent.PhoneCallContext) []string {
	lines := []string{fmt.Sprintf("state      %s", c.State)}
	if r := c.Recipient; r != nil {
		about := []string{}
		if r.IsMobile {
			about = append(about, "mobile")
		}
		if r.IsRecentMissed {
			about = append(about, "the last call was missed")
		}
		if r.Token != "" {
			about = append(about, "token "+r.Token)
		}
		name := flat(r.Name)
		if name == "" {
			name = "unknown"
		}
		lines = append(lines, fmt.Sprintf("with       %s (%s)", name, strings.Join(about, ", ")))
	}
	if t := c.Template; t != nil {
		text := string(t.Intent)
		if t.RecipientIntended != nil {
			text += fmt.Sprintf(" %q", flat(t.RecipientIntended.Name+" "+t.RecipientIntended.Label))
		}
		lines = append(lines, "asked for  "+text)
		if t.Candidates != nil {
			lines = append(lines, fmt.Sprintf("showing    %s", count(len(t.Candidates), "candidate")))
			for i, p := range t.Candidates {
				lines = append(lines, candidate(i, p))
			}
		}
	}
	if c.NumberBlockable {
		return append(lines, "blocking   another number may be blocked")
	}
	return append(lines, "blocking   too many rules: directives may not add another")
}
