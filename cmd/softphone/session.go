package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/softphone-go/softphone/capture"
	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/metrics"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/sip"
	"github.com/softphone-go/softphone/store"
)

// closeTime bounds how long a command waits for its BYEs and un-REGISTERs.
const closeTime = 5 * time.Second

// registerTime bounds the wait for a first registration: a registrar that does
// not answer at all is given up after timer F (RFC 3261 §17.1.2.2), 32 s.
const registerTime = 35 * time.Second

// session is an open phone with what a command wired around it.
type session struct {
	*phone.Phone
	file    config.File
	capture *capture.Writer
	out     *printer
	log     *slog.Logger
	metrics *metrics.Metrics // what the control API serves; of run only
}

// open starts a phone for a command. hook may adjust the wiring.
func (f *flags) open(ctx context.Context, env *environment, hook func(*phone.Config)) (*session, error) {
	file, err := f.load(env)
	if err != nil {
		return nil, err
	}
	s := &session{file: file, out: newPrinter(env.stdout, f.json)}
	s.log = f.logger(env, file.Log.Level)
	cfg := phone.Config{File: file, Logger: s.log}
	if f.sipTrace {
		cfg.Trace = newTracer(env.stderr).message
	}
	if f.pcap != "" {
		if s.capture, err = capture.Create(f.pcap); err != nil {
			return nil, usagef("--pcap: %w", err)
		}
		cfg.Capture = s.capture
	}
	if hook != nil {
		hook(&cfg)
	}
	if s.Phone, err = phone.Open(ctx, cfg); err != nil {
		if s.capture != nil {
			_ = s.capture.Close()
		}
		return nil, badInput(err)
	}
	return s, nil
}

// badInput is an error whose cause is an address, a folder or a value that was
// given: a port in use, a folder that cannot be written, an unknown region.
func badInput(err error) error {
	if errors.Is(err, context.Canceled) {
		return &exitError{exitCancelled, errors.New("interrupted before the phone was ready")}
	}
	return &exitError{exitUsage, err}
}

// follow prints this run's call events in the background; the function it
// returns stops the phone and waits until its last event is printed.
func (s *session) follow(each func(store.Event)) (finish func() error) {
	done := make(chan error, 1)
	go func() {
		done <- s.Follow(context.Background(), func(ev store.Event) bool { each(ev); return true })
	}()
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		err := s.Stop(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = nil // the far side did not answer our goodbye
		}
		return errors.Join(err, <-done)
	}
}

// close ends the phone; the error matters only when nothing else went wrong.
func (s *session) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	err := s.Close(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // the far side did not answer our goodbye
	}
	if s.capture != nil {
		if n := s.capture.Dropped(); n > 0 {
			err = errors.Join(err, fmt.Errorf("--pcap: %d packets were not written, the disk was too slow", n))
		}
		err = errors.Join(err, s.capture.Close())
	}
	return err
}

// register adds the first account, or all of them, and waits until they are
// registered.
func (s *session) register(ctx context.Context, wait time.Duration) error {
	if len(s.file.Accounts) == 0 {
		return &exitError{exitUsage, phone.ErrNoAccount}
	}
	for _, a := range s.file.Accounts {
		if err := s.AddAccount(a); err != nil {
			return err
		}
	}
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for _, a := range s.file.Accounts {
		err := s.WaitRegistered(limited, a.Name())
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return &exitError{exitCancelled, fmt.Errorf("interrupted before %s was registered at %s", a.User, a.Server)}
		case errors.Is(err, context.DeadlineExceeded):
			return registrationError(a, fmt.Errorf("%w: no answer within %s", sip.ErrUnreachable, wait))
		default:
			return registrationError(a, err)
		}
	}
	return nil
}

const passwordHint = "the password is read from SOFTPHONE_PASSWORD, --password-file or a prompt"

// registrationError says what to do about a registration that failed.
func registrationError(a config.Account, err error) error {
	var status *sip.StatusError
	switch {
	case errors.As(err, &status) && (status.Code == 401 || status.Code == 403 || status.Code == 407):
		err = &explainedError{err, fmt.Sprintf("%s refused the user name %s or its password (%d %s); %s",
			a.Server, a.User, status.Code, status.Reason, passwordHint)}
	case errors.As(err, &status):
		err = fmt.Errorf("%s refused the registration of %s: %w", a.Server, a.User, err)
	case errors.Is(err, sip.ErrUnreachable):
		return &exitError{exitUnreachable, fmt.Errorf("%s could not be asked to register %s: %w; check --server and --transport", a.Server, a.User, err)}
	}
	return &exitError{exitRegistration, err}
}

// explainedError is an error in other words.
type explainedError struct {
	error
	words string
}

func (e *explainedError) Error() string { return e.words }
func (e *explainedError) Unwrap() error { return e.error }

// result is the last line of --json for a call.
type result struct {
	Type      string `json:"type"` // "result"
	Cause     string `json:"cause"`
	EndedBy   string `json:"ended_by,omitempty"`
	SIPCode   int    `json:"sip_code"`
	SIPReason string `json:"sip_reason,omitempty"`
	Error     string `json:"error,omitempty"`
	RingMS    int64  `json:"ring_ms"`
	TalkMS    int64  `json:"talk_ms"`
	phone.Quality
	Digits string `json:"digits_received,omitempty"`
	Record string `json:"record,omitempty"`
}

func resultOf(o dialer.Outcome) result {
	r := result{
		Type: "result", Cause: o.Disposition.String(), EndedBy: o.EndedBy.String(), SIPCode: o.Code, SIPReason: o.Reason,
		RingMS: o.Ring.Milliseconds(), TalkMS: o.Talk.Milliseconds(), Quality: phone.QualityOf(o.Media),
	}
	if o.Err != nil {
		r.Error = o.Err.Error()
	}
	return r
}

// resultOfRegistration is the result of a call that was not made, since the
// account could not be registered first.
func resultOfRegistration(err error) result {
	r := result{Type: "result", Cause: dialer.Failed.String(), Error: err.Error()}
	var status *sip.StatusError
	switch {
	case errors.As(err, &status):
		r.SIPCode, r.SIPReason = status.Code, status.Reason
	case exitCode(err) == exitUnreachable:
		r.Cause = dialer.Unreachable.String()
	case exitCode(err) == exitCancelled:
		r.Cause = dialer.Cancelled.String()
	}
	return r
}

// text is the result in words.
func (r result) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, ended by %s", r.Cause, r.EndedBy)
	if r.SIPCode != 0 {
		b.WriteString(strings.TrimRight(fmt.Sprintf(" (%d %s", r.SIPCode, r.SIPReason), " ") + ")")
	}
	if r.SIPCode == 401 || r.SIPCode == 407 {
		fmt.Fprintf(&b, ": the user name or the password is wrong; %s", passwordHint)
	}
	fmt.Fprintf(&b, "; rang %.1f s, talked %.1f s", float64(r.RingMS)/1000, float64(r.TalkMS)/1000)
	if r.PacketsSent+r.PacketsReceived > 0 {
		fmt.Fprintf(&b, "\n%d packets sent, %d received, %d lost; jitter %.1f ms, round trip %.1f ms, MOS %.2f",
			r.PacketsSent, r.PacketsReceived, r.PacketsLost, r.JitterMS, r.RTTMS, r.MOS)
	}
	if r.SRTP != "" {
		fmt.Fprintf(&b, "\nencrypted with %s; %d packets could not prove the key, %d were replayed", r.SRTP, r.Unauthenticated, r.Replayed)
	}
	if table := qualityTable(r.Quality.Call); table != "" {
		b.WriteString("\n" + table)
	}
	if r.Digits != "" {
		fmt.Fprintf(&b, "\nthey pressed %s", r.Digits)
	}
	if r.Record != "" {
		fmt.Fprintf(&b, "\nrecorded in %s", r.Record)
	}
	return b.String()
}
