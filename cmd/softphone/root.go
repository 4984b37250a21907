package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// environment is what a command may touch of the world, so that tests can
// give it another one.
type environment struct {
	args   []string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, env *environment) int {
	root := newRoot(env)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var silent *silentError
	if !errors.As(err, &silent) {
		sentence := strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ") // of joined errors
		fmt.Fprintf(env.stderr, "softphone: %s\n", strings.TrimPrefix(sentence, "softphone: "))
	}
	return exitCode(err)
}

// silentError has been reported already; only its code is left to tell.
type silentError struct{ error }

func newRoot(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "softphone",
		Short: "A SIP phone for the command line, for devices and for automation",
		Long: `softphone registers to a SIP PBX, places and answers calls, and runs as a daemon
that takes PhoneCall 1.3 directives and writes events.

Try it without any PBX:

  softphone demo

A whole call to the echo service of a PBX, with the password in SOFTPHONE_PASSWORD:

  softphone call --server 127.0.0.1:5060 --user alice 600 --play in.wav --record heard.wav

` + exitHelp + `

contacts, history, block, directive and context have meanings of their own for some of them:

  softphone help exit-codes`,
		SilenceErrors: true, SilenceUsage: true,
		Args: noOther,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetArgs(env.args)
	root.SetIn(env.stdin)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; `%s --help` lists the flags", err, cmd.CommandPath())
	})
	root.AddCommand(
		newDemo(env), newRegister(env), newCall(env), newAnswer(env), newRun(env),
		newDoctor(env), newReplay(env), newTrace(env), newBlock(env), newContacts(env), newHistory(env), newDirective(env), newContext(env), newVersion(env),
		newExitCodes(),
	)
	return root
}

// noOther refuses the name of a command that does not exist.
func noOther(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("there is no command %q; `%s --help` lists them", args[0], cmd.CommandPath())
	}
	return nil
}

// exactly is cobra.ExactArgs with a sentence for people.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("%s takes %s, %d given; `%s --help` shows an example",
				cmd.CommandPath(), what, len(args), cmd.CommandPath())
		}
		return nil
	}
}
