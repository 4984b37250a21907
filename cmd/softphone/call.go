package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/sip"
	"github.com/softphone-go/softphone/store"
)

// callOptions are the flags of `softphone call`.
type callOptions struct {
	flags
	sound    sound
	dtmf     string
	duration time.Duration
	timeout  time.Duration
	tail     time.Duration
	hold     []time.Duration
	register bool
	quality  time.Duration
	handover handover
	hidden   bool
	toUser   string
	keys     bool
}

func newCall(env *environment) *cobra.Command {
	var o callOptions
	cmd := &cobra.Command{
		Use:   "call TARGET",
		Short: "Make one call",
		Long: `call dials TARGET (an extension, a number or a SIP URI), plays and records, presses
digits, and hangs up when all is done. Without --play and --duration, and with --keys, it
stays until the other side hangs up or you press Ctrl-C; with --transfer until that is done.

  softphone call --server 127.0.0.1:5060 --user alice 600 --play in.wav --record heard.wav --json
  softphone call --server pbx.example.com --user alice 010-1234-5678 --dtmf 1,2# --duration 20s
  softphone call sip:bob@192.0.2.7 --play hello.wav            (no PBX: straight to the other phone)
  softphone call --server pbx --user alice bob --transfer 600 --attended   (bob talks to 600 then)

` + consoleHelp + "\n\n" + exitHelp,
		Args: exactly(1, "one target"),
		RunE: func(cmd *cobra.Command, args []string) error { return call(cmd.Context(), env, &o, args[0]) },
	}
	o.add(cmd)
	fs := cmd.Flags()
	fs.StringVar(&o.sound.play, "play", "", "WAV `FILE` to play to the other side (8 or 16 kHz mono)")
	fs.BoolVar(&o.sound.loop, "loop", false, "play it over and over")
	o.sound.addRecord(cmd, "WAV `FILE` for what the other side says, early media too")
	fs.StringVar(&o.dtmf, "dtmf", "", "`DIGITS` to press once answered: 0-9 * # A-D, a comma waits a second; --tail or --duration says how long to listen after them")
	fs.DurationVar(&o.duration, "duration", 0, "hang up `TIME` after the answer (default: when played and pressed to the end)")
	fs.DurationVar(&o.timeout, "timeout", time.Minute, "give up when nobody answers within `TIME`")
	fs.DurationVar(&o.tail, "tail", time.Second, "listen for `TIME` after the end of --play or --dtmf")
	fs.DurationSliceVar(&o.hold, "hold", nil, "`FROM,FOR`: hold the call FROM after the answer, FOR so long")
	fs.DurationVar(&o.quality, "quality", 0, "print how the call sounds every `TIME`: here as measured, there as the other side reports")
	o.handover.add(cmd)
	fs.BoolVar(&o.hidden, "anonymous", false, "do not name yourself to the other side; the PBX still knows you")
	fs.StringVar(&o.toUser, "user-to-user", "", "`TEXT` for the program at the other end (RFC 7433), such as 2a1b;encoding=hex")
	fs.BoolVar(&o.keys, "keys", false, "take commands from standard input: hold, transfer, dial, lines, ... (see above)")
	fs.BoolVar(&o.register, "register", false, "register before the call, for a PBX that wants it")
	return cmd
}

func call(ctx context.Context, env *environment, o *callOptions, target string) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	s, err := o.open(ctx, env, func(c *phone.Config) {
		c.File.Phone.RingTimeout = config.Duration(o.timeout)
		c.Registrations = func(string, sip.RegistrationState) {} // the error tells
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := o.addAccount(ctx, s); err != nil {
		if exitCode(err) != exitUsage {
			s.out.line(resultOfRegistration(err), "")
		}
		return err
	}
	e, err := o.sound.next()
	if err != nil {
		return err
	}
	var digits strings.Builder
	lines := newDirected(&o.sound)
	finish := s.follow(func(ev store.Event) {
		collectDigit(&digits, ev)
		s.out.event(ev)
		lines.ended(ev)
	})
	c, err := s.Dial(ctx, target, phone.DialOptions{
		Sink: e.sink, Monitor: e.monitor, Anonymous: o.hidden, UserToUser: o.toUser,
	})
	if err != nil {
		if !strings.Contains(err.Error(), strconv.Quote(target)) {
			err = fmt.Errorf("%q cannot be called: %w", target, err)
		}
		return errors.Join(&exitError{exitUsage, err}, finish(), e.finish())
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var keys *console
	if o.keys {
		keys = &console{s: s, sound: lines, quit: stop}
		go keys.read(ctx, env.stdin)
	}
	failed := o.drive(ctx, s, c, e)
	<-c.Done()
	if keys != nil {
		keys.finish(ctx)
	}
	err = errors.Join(finish(), e.finish(), lines.close(), failed)
	r := resultOf(c.Outcome())
	r.Digits, r.Record = digits.String(), o.sound.record
	if failed != nil && r.Error == "" { // a transfer that failed, say
		r.Error = failed.Error()
	}
	s.out.line(r, "%s", r.text())
	if code := exitOfOutcome(c.Outcome()); code != exitDone {
		return errors.Join(&exitError{code, errCallFailed}, err)
	}
	return err
}

// errCallFailed is behind an exit code whose meaning the result has told.
var errCallFailed = &silentError{errors.New("the call did not come about")}

func (o *callOptions) check() error {
	if err := o.sound.check(); err != nil {
		return err
	}
	if err := checkDigits(o.dtmf); err != nil {
		return err
	}
	if len(o.hold) != 0 && (len(o.hold) != 2 || min(o.hold[0], o.hold[1]) < 0) {
		return usagef("--hold takes two times: when, and for how long, such as --hold 3s,2s")
	}
	if o.timeout <= 0 {
		return usagef("--timeout is %s; give the other side some time, such as 30s", o.timeout)
	}
	if err := o.handover.check(); err != nil {
		return err
	}
	return notNegative(times{"--duration": o.duration, "--tail": o.tail, "--quality": o.quality})
}

// addAccount adds the account to call with; a whole SIP URI needs none.
func (o *callOptions) addAccount(ctx context.Context, s *session) error {
	switch {
	case len(s.file.Accounts) == 0:
		return s.AddUnregistered(config.Account{
			ID: "direct", User: "softphone", DisplayName: o.displayName, Mode: config.ModeAutomation,
			Transport: strings.ToLower(o.transport), Proxy: o.proxy, WSPath: o.wsPath,
		})
	case o.register:
		return s.register(ctx, o.timeout)
	default:
		a := s.file.Accounts[0]
		a.Mode = config.ModeAutomation
		return s.AddUnregistered(a)
	}
}

// drive waits for the answer, then does what the flags say.
func (o *callOptions) drive(ctx context.Context, s *session, c *dialer.Call, e ends) error {
	if !waitAnswered(ctx, c) {
		_ = c.Hangup(context.WithoutCancel(ctx))
		return nil
	}
	c.SetSource(e.source) // what is played begins with the answer
	told := make(chan struct{})
	go func() { defer close(told); tellQuality(s.out, c, o.quality) }()
	defer func() { <-c.Done(); <-told }()
	d := driver{dtmf: o.dtmf, duration: o.duration, tail: o.tail, stay: o.keys || o.handover.to != ""}
	if o.sound.play != "" && !o.sound.loop {
		d.played = e.source
	}
	if len(o.hold) == 2 {
		held, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); o.holdFor(held, c) }()
		defer func() { cancel(); <-done }()
	}
	handed := make(chan error, 1)
	go func() { handed <- o.handover.run(ctx, s, c) }()
	d.drive(ctx, c)
	return <-handed
}

func (o *callOptions) holdFor(ctx context.Context, c *dialer.Call) {
	if sleep(ctx, o.hold[0]) && c.Hold(ctx) == nil && sleep(ctx, o.hold[1]) {
		_ = c.Unhold(ctx)
	}
}

// waitAnswered reports whether the call came to be answered.
func waitAnswered(ctx context.Context, c *dialer.Call) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-c.Done():
			return false
		case <-tick.C:
			if c.State() == dialer.Established {
				return true
			}
		}
	}
}
