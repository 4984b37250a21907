package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/control/client"
)

// maxDirectives is the size in bytes of the largest file of directives.
const maxDirectives = 64 << 20

// directiveFlags are those of `softphone directive`.
type directiveFlags struct {
	check, follow bool
	wait          time.Duration
}

func newDirective(env *environment) *cobra.Command {
	var f folderFlags
	var g directiveFlags
	cmd := &cobra.Command{
		Use:   "directive FILE",
		Short: "Send PhoneCall directives to a running phone, and print the events that come back",
		Long: `directive reads PhoneCall 1.3 directives from a file, or from standard input (-): one or more
JSON values, each a directive, {"directive": ...}, {"directives": [...]} or an array of them.
It checks all of them first; when one makes no sense, nothing is sent, and the field is named.
Then it sends them to the phone that runs on the data folder, in order, and prints the events
that they bring: CandidatesListed, MakeCallSucceeded or MakeCallFailed, CallEstablished and
CallEnded, as far as the state of the phone lets expect them.

  softphone directive call.json
  softphone directive --check call.json
  softphone directive --follow --json - < call.json

A directive that calls 600:

  {"header":{"namespace":"PhoneCall","name":"MakeCall","messageId":"m1","dialogRequestId":"d1","version":"1.3"},
   "payload":{"callType":"NORMAL","recipient":{"name":"echo","type":"CONTACT","contacts":[{"number":"600"}]}}}

A messageId that the phone saw in the last ten minutes is accepted and not run again.
docs/directives.md has all directives and events.

` + exitHelpOf("directive"),
		Args: exactly(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := notNegative(times{"--wait": g.wait}); err != nil {
				return err
			}
			return f.with(env, func(d *folder) error { return g.run(cmd.Context(), d, args[0]) })
		},
	}
	f.add(cmd)
	fs := cmd.Flags()
	fs.BoolVar(&g.check, "check", false, "only tell whether the directives are valid; no phone is needed")
	fs.BoolVar(&g.follow, "follow", false, "go on printing PhoneCall events until interrupted")
	fs.DurationVar(&g.wait, "wait", 10*time.Second, "`TIME` to wait for the events; 0s: do not")
	return cmd
}

// message is one JSON value of the input, ready to be sent.
type message struct {
	line int
	raw  []byte
}

// refusedLine is a refused directive as --json prints it.
type refusedLine struct {
	Type string `json:"type"` // "refused"
	Line int    `json:"line"` // of the message in the file
	api.Refused
}

func (g *directiveFlags) run(ctx context.Context, d *folder, path string) error {
	in, err := d.input(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	data, err := io.ReadAll(io.LimitReader(in, maxDirectives+1))
	switch {
	case err != nil:
		return usagef("%s cannot be read: %w", path, err)
	case len(data) > maxDirectives:
		return usagef("%s is larger than %d MiB; split it", path, maxDirectives>>20)
	}
	messages, err := messagesIn(data)
	if err != nil {
		return usagef("%s: %w", path, err)
	}
	if len(messages) == 0 {
		return usagef("%s holds no directive; `softphone directive --help` shows one", path)
	}
	refused := 0
	for _, m := range messages {
		for _, r := range agent.Refusals(agent.Validate(m.raw)) {
			d.refuse(path, m.line, api.Refused{Index: r.Index, Name: r.Name, MessageID: r.MessageID, Field: r.Field, Reason: r.Reason})
			refused++
		}
	}
	if refused > 0 {
		return d.refusedAll(refused, "nothing was sent")
	}
	if g.check {
		d.out.line(map[string]any{"type": "result", "messages": len(messages), "refused": 0}, "%s: valid", count(len(messages), "message"))
		return nil
	}
	return g.send(ctx, d, path, messages)
}

// messagesIn takes the values of the input apart. An array of directives
// becomes the delivery that means the same.
func messagesIn(data []byte) ([]message, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	dec := json.NewDecoder(bytes.NewReader(data))
	var out []message
	for {
		at := int(dec.InputOffset())
		at += len(data[at:]) - len(bytes.TrimLeft(data[at:], " \t\r\n"))
		line := 1 + bytes.Count(data[:at], []byte("\n"))
		var raw json.RawMessage
		err := dec.Decode(&raw)
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("the JSON that begins in line %d cannot be read: %w", line, err)
		case raw[0] == '[':
			raw = append(append([]byte(`{"directives":`), raw...), '}')
		}
		out = append(out, message{line: line, raw: raw})
	}
}

// refuse prints a refused directive: with --json among the lines, else on
// standard error.
func (d *folder) refuse(path string, line int, r api.Refused) {
	if d.out.json {
		d.out.line(refusedLine{"refused", line, r}, "")
		return
	}
	var parts []string
	for _, s := range []string{r.Name, r.Field, r.Reason} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	place := ""
	if r.Index > 0 {
		place = fmt.Sprintf("directives[%d]: ", r.Index)
	}
	fmt.Fprintf(d.env.stderr, "%s:%d: %s%s\n", path, line, place, printable(strings.Join(parts, ": ")))
}

func (d *folder) refusedAll(n int, so string) error {
	err := &exitError{exitUsage, fmt.Errorf("%s refused, %s", count(n, "directive"), so)}
	if d.out.json {
		d.out.line(map[string]any{"type": "result", "refused": n}, "")
		return &exitError{exitUsage, &silentError{err}}
	}
	return err
}

// send hands the messages to the phone and waits for what they bring.
func (g *directiveFlags) send(ctx context.Context, d *folder, path string, messages []message) error {
	phone, err := d.mustRun(ctx)
	if err != nil {
		return err
	}
	events, err := phone.Events(ctx, client.Now)
	if err != nil {
		return refusedBy(err)
	}
	defer events.Close()
	w := &awaited{out: d.out}
	refused := 0
	for _, m := range messages {
		if err := w.know(ctx, phone); err != nil {
			return err
		}
		receipt, err := phone.SendDirectives(ctx, m.raw)
		accepted := receipt.Accepted
		var p *api.Problem
		switch {
		case errors.As(err, &p) && len(p.Refused) > 0:
			accepted = p.Accepted
			for _, r := range p.Refused {
				d.refuse(path, m.line, r)
				refused++
			}
		case err != nil:
			return refusedBy(err)
		}
		for _, a := range accepted {
			d.out.line(map[string]any{"type": "accepted", "line": m.line, "name": a.Name, "messageId": a.MessageID, "dialogRequestId": a.DialogRequestID},
				"%s accepted", a.Name)
			w.expect(a)
		}
	}
	if err := g.watch(ctx, events, w); err != nil {
		return err
	}
	return g.judge(d, w, refused)
}

// watch reads events until all that is expected has come, the time is over, or,
// with --follow, until it is interrupted.
func (g *directiveFlags) watch(ctx context.Context, events *client.Stream, w *awaited) error {
	limited, cancel := context.WithCancel(ctx)
	if !g.follow {
		limited, cancel = context.WithTimeout(ctx, g.wait)
	}
	defer cancel()
	for g.follow || len(w.open) > 0 {
		ev, err := events.Next(limited)
		var end *client.EndError
		switch {
		case err == nil:
			w.event(ev)
		case ctx.Err() != nil && g.follow:
			return nil
		case ctx.Err() != nil:
			return &exitError{exitCancelled, errors.New("interrupted before all events had come")}
		case limited.Err() != nil:
			return nil
		case errors.As(err, &end) && end.Stopped:
			w.out.text("the phone has stopped")
			return nil
		default:
			return &exitError{exitUnreachable, err}
		}
	}
	return nil
}

// judge prints the result and gives it its exit code.
func (g *directiveFlags) judge(d *folder, w *awaited, refused int) error {
	missing := []string{}
	if g.wait > 0 {
		for _, e := range w.open {
			missing = append(missing, e.says)
		}
	}
	if d.out.json {
		d.out.line(map[string]any{"type": "result", "accepted": w.accepted, "refused": refused, "events": w.events, "failed": w.failed, "missing": missing}, "")
	}
	var err error
	switch {
	case refused > 0:
		rest := ""
		if w.accepted > 0 {
			rest = "; the others were carried out"
		}
		err = &exitError{exitUsage, fmt.Errorf("%s refused%s", count(refused, "directive"), rest)}
	case w.failed:
		err = &exitError{exitRejected, errors.New("the call could not be made; the log of the phone tells why")}
	case len(missing) > 0:
		err = &exitError{exitNoAnswer, fmt.Errorf("within %s there was no %s; a messageId that was seen before is not run again", g.wait, strings.Join(missing, ", no "))}
	}
	if err != nil && d.out.json {
		err = &exitError{exitCode(err), &silentError{err}}
	}
	return err
}
