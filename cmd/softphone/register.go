package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/sip"
)

// registrationLine is a change of an account as --json prints it.
type registrationLine struct {
	Type      string    `json:"type"` // "registration"
	Time      time.Time `json:"time"`
	Account   string    `json:"account"`
	Phase     string    `json:"phase"`
	SIPCode   int       `json:"sip_code,omitempty"`
	SIPReason string    `json:"sip_reason,omitempty"`
	Error     string    `json:"error,omitempty"`
	ExpiresMS int64     `json:"expires_ms,omitempty"`
	RetryMS   int64     `json:"retry_in_ms,omitempty"`
	Contact   string    `json:"contact,omitempty"`
}

func newRegister(env *environment) *cobra.Command {
	var f flags
	var duration, timeout time.Duration
	cmd := &cobra.Command{
		Use:   "register",
		Short: "Register at a PBX and stay registered",
		Long: `register binds the account at the PBX, keeps the registration alive, comes back by
itself when the PBX was away, and takes it back at the end.

  SOFTPHONE_PASSWORD=secret softphone register --server 127.0.0.1:5060 --user alice
  softphone register --server pbx.example.com --user alice --duration 1s   (a check: is the password right?)

` + exitHelp,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return register(cmd.Context(), env, &f, duration, timeout)
		},
	}
	f.add(cmd)
	cmd.Flags().DurationVar(&duration, "duration", 0, "stay registered for `TIME`, then stop (default until interrupted)")
	cmd.Flags().DurationVar(&timeout, "timeout", registerTime, "give up when the first registration takes longer than `TIME`")
	return cmd
}

func register(ctx context.Context, env *environment, f *flags, duration, timeout time.Duration) (err error) {
	if timeout <= 0 {
		return usagef("--timeout is %s; give the PBX some time, such as 35s", timeout)
	}
	if err := notNegative(times{"--duration": duration}); err != nil {
		return err
	}
	var out *printer
	s, err := f.open(ctx, env, func(c *phone.Config) {
		out = newPrinter(env.stdout, f.json)
		c.Registrations = registrationPrinter(out)
		c.Messages = messagesPrinter(out)
	})
	if err != nil {
		return err
	}
	result := map[string]any{"type": "result", "cause": "done"}
	defer func() {
		err = errors.Join(err, s.close())
		if err != nil {
			result["cause"], result["error"] = "failed", err.Error()
		}
		result["exit_code"] = exitCode(err)
		out.line(result, "")
	}()
	if err = s.register(ctx, timeout); err != nil {
		return err
	}
	if duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, duration)
		defer cancel()
	}
	<-ctx.Done()
	return nil
}

// registrationPrinter prints the changes of registrations; the function it
// returns is called by several goroutines.
func registrationPrinter(out *printer) func(id string, st sip.RegistrationState) {
	var mu sync.Mutex
	bound := make(map[string]bool)
	return func(id string, st sip.RegistrationState) {
		mu.Lock()
		was := bound[id]
		if st.Phase == sip.Registered {
			bound[id] = true
		}
		mu.Unlock()
		printRegistration(out, id, st, was)
	}
}

func printRegistration(out *printer, id string, st sip.RegistrationState, bound bool) {
	l := registrationLine{
		Type: "registration", Time: time.Now(), Account: id, Phase: st.Phase.String(), SIPCode: st.Code, SIPReason: st.Reason,
		ExpiresMS: st.Expires.Milliseconds(), RetryMS: st.RetryIn.Milliseconds(), Contact: st.Contact,
	}
	if st.Err != nil {
		l.Error = st.Err.Error()
	}
	at := l.Time.Format("15:04:05.000")
	switch st.Phase {
	case sip.Registered:
		out.line(l, "%s  %s registered for %s as %s", at, id, st.Expires, st.Contact)
	case sip.Retrying:
		out.line(l, "%s  %s not registered: %v; next try in %s", at, id, st.Err, st.RetryIn.Round(100*time.Millisecond))
	case sip.Rejected:
		out.line(l, "%s  %s refused (%d %s)", at, id, st.Code, st.Reason)
	case sip.Unregistered:
		text := ""
		if bound {
			text = fmt.Sprintf("%s  %s registration taken back", at, id)
		}
		out.line(l, "%s", text)
	default:
		out.line(l, "")
	}
}

// messagesLine is what waits in a mailbox, as --json prints it.
type messagesLine struct {
	Type string    `json:"type"` // "messages"
	Time time.Time `json:"time"`
	phone.MessagesEvent
}

// messagesPrinter prints what waits in the mailbox of an account.
func messagesPrinter(out *printer) func(phone.MessagesEvent) {
	return func(m phone.MessagesEvent) {
		l := messagesLine{Type: "messages", Time: time.Now(), MessagesEvent: m}
		text := "no new messages"
		switch {
		case m.New > 0:
			text = fmt.Sprintf("%d new messages, %d old", m.New, m.Old)
		case m.Waiting:
			text = "messages are waiting"
		}
		out.line(l, "%s  %s %s", l.Time.Format("15:04:05.000"), m.Account, text)
	}
}
