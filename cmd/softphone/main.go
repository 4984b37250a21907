// Command softphone is a SIP phone for the command line: it registers, calls,
// answers, runs as a daemon under PhoneCall directives, keeps contacts, history
// and block rules, and replays packet traces through its playout engine.
//
// This package holds flags, wiring and signals. What a phone does is in the
// packages that it wires.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker.
var version = "dev"

func main() {
	// Libraries log to the default logger what the phone reports in its own words.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once: the first one restores the default.
	context.AfterFunc(ctx, stop)
	code := run(ctx, &environment{
		args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
	})
	stop()
	os.Exit(code)
}
