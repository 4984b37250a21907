package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// meaning is what an exit code tells.
type meaning struct {
	code int
	text string
}

// commandMeanings is what codes tell of a command that makes no call.
type commandMeanings struct {
	command  string
	meanings []meaning
}

// exitMeanings are all there are of those commands.
func exitMeanings() []commandMeanings {
	done, internal, usage := meaning{exitDone, "done"}, meaning{exitInternal, "internal error"}, meaning{exitUsage, "wrong usage or bad input"}
	silent := meaning{exitUnreachable, "the phone that runs on the folder does not answer"}
	return []commandMeanings{
		{"contacts", []meaning{
			done, internal, {exitUsage, "wrong usage or bad input; import: some of the file was left out"}, silent,
			{exitNotFound, "nobody was found, or there is no such contact"},
		}},
		{"history", []meaning{{exitDone, "done, also when there are no calls"}, internal, usage}},
		{"block", []meaning{
			done, internal, {exitUsage, "wrong usage or bad input; import: some of the file was left out"}, silent,
			{exitNotFound, "there is no such rule"}, {exitBlocked, "check, explain: the caller is blocked"},
		}},
		{"directive", []meaning{
			{exitDone, "accepted, and the events came"}, internal, {exitUsage, "wrong usage, or a directive was refused; its field is named"},
			{exitNoAnswer, "accepted, but an event that had to follow did not come within --wait"},
			{exitUnreachable, "no phone runs on the folder, or it does not answer"}, {exitCancelled, "interrupted"}, {exitRejected, "MakeCallFailed came"},
		}},
		{"context", []meaning{done, internal, usage, {exitUnreachable, "no phone runs on the folder, or it does not answer"}}},
	}
}

// exitHelpOf lists the exit codes of one of those commands.
func exitHelpOf(command string) string {
	lines := []string{"Exit codes:"}
	for _, c := range exitMeanings() {
		if c.command == command {
			for _, m := range c.meanings {
				lines = append(lines, fmt.Sprintf("  %-2d %s", m.code, m.text))
			}
		}
	}
	return strings.Join(lines, "\n")
}

// newExitCodes is a help topic: a command that does nothing.
func newExitCodes() *cobra.Command {
	lines := []string{exitHelp, "", "Those are of calls and registrations. To commands on data and on a running phone they mean:"}
	for _, c := range exitMeanings() {
		lines = append(lines, "")
		for _, m := range c.meanings {
			lines = append(lines, fmt.Sprintf("  %-10s %2d  %s", c.command, m.code, m.text))
		}
	}
	lines = append(lines, "", "  softphone help exit-codes")
	return &cobra.Command{Use: "exit-codes", Short: "What each exit code means, of which command", Long: strings.Join(lines, "\n")}
}
