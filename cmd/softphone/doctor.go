package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/doctor"
)

// doctorOptions are the flags of `softphone doctor`.
type doctorOptions struct {
	flags
	account  string
	echo     string
	patience time.Duration
}

func newDoctor(env *environment) *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out why it does not work, and what to do",
		Long: `doctor looks at the configuration, asks DNS, the server over each transport, its
certificate, registers the account, sees whether a NAT is between, calls the echo of the
PBX and listens for its own sound. It says in plain sentences what is wrong and what to do.

  softphone doctor -c softphone.toml --echo 600
  softphone doctor --server pbx.example.com --user alice --json

It takes ports of its own, so the phone may run meanwhile; but a PBX that keeps one
registration for each account forgets that of the running phone until it registers again.
The first check that failed decides the exit code: 2 configuration, 3 registration,
7 names, transports or certificate, 8 sound.

` + exitHelp,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return diagnose(cmd.Context(), env, &o) },
	}
	o.add(cmd)
	fs := cmd.Flags()
	fs.StringVar(&o.account, "account", "", "`NAME` of the account to look at (default the first one)")
	fs.StringVar(&o.echo, "echo", "", "`NUMBER` of the PBX's echo, to be called (default: no call is made)")
	fs.DurationVar(&o.patience, "patience", 5*time.Second, "`TIME` the server has for an answer")
	return cmd
}

// checkLine is a check as --json prints it.
type checkLine struct {
	Type string `json:"type"` // "check"
	doctor.Check
	TookMS int64 `json:"took_ms"`
}

// doctorResult is the last line of --json.
type doctorResult struct {
	Type     string   `json:"type"` // "result"
	Healthy  bool     `json:"healthy"`
	Failed   []string `json:"failed"` // names of the checks
	ExitCode int      `json:"exit_code"`
}

// errSick has been told check by check.
var errSick = &silentError{errors.New("checks failed")}

func diagnose(ctx context.Context, env *environment, o *doctorOptions) error {
	if o.patience <= 0 {
		return usagef("--patience is %s; give the server some time, such as 5s", o.patience)
	}
	out := newPrinter(env.stdout, o.json)
	tell := func(c doctor.Check) {
		text := fmt.Sprintf("%-8s %-14s %s", c.Status, c.Name, c.Finding)
		if c.Advice != "" {
			text += "\n" + strings.Repeat(" ", 24) + "-> " + c.Advice
		}
		out.line(checkLine{"check", c, c.Took.Milliseconds()}, "%s", text)
	}
	var checks []doctor.Check
	file, err := o.load(env)
	if err != nil {
		checks = []doctor.Check{{Name: doctor.Configuration, Status: doctor.Failed, Finding: err.Error(), Advice: "correct what is named"}}
		tell(checks[0])
	} else {
		checks = doctor.Run(ctx, doctor.Config{
			File: file, Account: o.account, Echo: o.echo, Patience: o.patience, Logger: o.logger(env, file.Log.Level),
		}, tell)
	}
	r := doctorResult{Type: "result", Healthy: doctor.Healthy(checks), Failed: []string{}}
	for _, c := range checks {
		if c.Status == doctor.Failed {
			r.Failed = append(r.Failed, c.Name)
		}
	}
	switch first, sick := doctor.First(checks); {
	case sick:
		r.ExitCode = exitOfCheck(first)
		out.line(r, "%d of %d checks failed; begin with %s", len(r.Failed), len(checks), first.Name)
	case ctx.Err() != nil:
		r.Healthy, r.ExitCode = false, exitCancelled
		out.line(r, "interrupted")
	default:
		out.line(r, "nothing is wrong")
		return nil
	}
	return &exitError{r.ExitCode, errSick}
}

// exitOfCheck is what a check that failed means to the shell.
func exitOfCheck(c doctor.Check) int {
	switch c.Name {
	case doctor.Configuration:
		return exitUsage
	case doctor.Registration:
		return exitRegistration
	case doctor.Echo:
		return exitMedia
	}
	return exitUnreachable
}
