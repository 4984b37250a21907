package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/internal/demo"
)

func newDemo(env *environment) *cobra.Command {
	var dir string
	var asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show a whole conversation: an exchange and three phones on loopback",
		Long: `demo starts a small exchange and three phones in this process, on loopback, and runs a
real PhoneCall conversation: a MakeCall directive, ringing, the answer, speech both ways,
digits, a blocked caller, the end. It exits 0 only when what each side heard is what the
other one said. It needs no network, no PBX and no sound card.

  softphone demo
  softphone demo --quiet --dir recordings

` + exitHelp,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd.Context(), env, dir, asJSON, quiet)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&dir, "dir", "", "`DIR` for the two recordings (default a new temporary folder)")
	fs.BoolVar(&asJSON, "json", false, "print JSON lines, the last one the result")
	fs.BoolVar(&quiet, "quiet", false, "leave out the SIP messages")
	return cmd
}

func runDemo(ctx context.Context, env *environment, dir string, asJSON, quiet bool) error {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return usagef("--dir: %w", err)
		}
	}
	out := newPrinter(env.stdout, asJSON)
	start := time.Now()
	var mu sync.Mutex // one step is several lines
	report, err := demo.Run(ctx, demo.Options{
		Dir: dir, Logger: slog.New(slog.DiscardHandler),
		Print: func(s demo.Step) {
			if quiet && s.Kind == "sip" {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			out.line(struct {
				Type string  `json:"type"`
				At   float64 `json:"at_s"`
				demo.Step
			}{"step", time.Since(start).Seconds(), s}, "%s", stepText(time.Since(start), s))
		},
	})
	result := struct {
		Type  string `json:"type"`
		Cause string `json:"cause"`
		Error string `json:"error,omitempty"`
		demo.Report
	}{Type: "result", Cause: "done", Report: report}
	if ctx.Err() != nil {
		err = &exitError{exitCancelled, errors.New("the demo was interrupted")}
	}
	if err != nil {
		result.Cause, result.Error = "failed", err.Error()
	}
	out.line(result, "%s", reportText(report, err))
	if err != nil && ctx.Err() == nil {
		return &exitError{exitMedia, fmt.Errorf("the demo did not go as it should: %w", err)}
	}
	return err
}

// stepText is one step in a form a newcomer understands.
func stepText(at time.Duration, s demo.Step) string {
	head := fmt.Sprintf("%6.3f  ", at.Seconds())
	switch s.Kind {
	case "step":
		if s.Who != "" {
			return head + s.Who + " " + s.Text
		}
		return "\n" + head + "== " + s.Text
	case "directive":
		return head + s.Who + "  <- directive " + s.Text + "\n" + indent(s.JSON)
	case "event":
		return head + s.Who + "  -> event " + s.Text + "\n" + indent(s.JSON)
	case "sip":
		return head + "      sip  " + s.Who + " " + s.Text
	case "check":
		return head + s.Who + "  ok: " + s.Text
	}
	return head + s.Who + "  " + s.Text
}

func indent(raw json.RawMessage) string { return "            " + string(raw) }

// reportText is the quality table and where the recordings are.
func reportText(r demo.Report, err error) string {
	var b strings.Builder
	if len(r.Heard) > 0 {
		fmt.Fprintf(&b, "\n%-9s %12s %10s %6s %6s %10s %6s %8s %6s\n",
			"listener", "correlation", "delay ms", "gaps", "sent", "received", "lost", "jitter", "MOS")
		for _, h := range r.Heard {
			fmt.Fprintf(&b, "%-9s %12.4f %10.1f %6d %6d %10d %6d %8.2f %6.2f\n", h.Listener, h.Correlation, h.DelayMS,
				h.Dropouts, h.PacketsSent, h.PacketsReceived, h.PacketsLost, h.JitterMS, h.MOS)
		}
		for _, h := range r.Heard {
			fmt.Fprintf(&b, "\nwhat %s heard: %s", h.Listener, h.Recording)
		}
	}
	fmt.Fprintf(&b, "\n%.1f s", r.Took.Seconds())
	if err == nil {
		b.WriteString(": all went as it should; what was heard is what was said")
	}
	return b.String()
}
