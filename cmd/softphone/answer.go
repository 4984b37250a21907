package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/store"
)

// answerOptions are the flags of `softphone answer`.
type answerOptions struct {
	flags
	sound    sound
	maxCalls int
	count    int
	after    time.Duration
	duration time.Duration
	dtmf     string
	keys     bool
}

func newAnswer(env *environment) *cobra.Command {
	var o answerOptions
	cmd := &cobra.Command{
		Use:   "answer",
		Short: "Answer calls by itself: play, record, or send back what is said",
		Long: `answer registers the account and answers every call that passes the block rules.
Without an account it answers calls sent straight to --listen.

  softphone answer --server 127.0.0.1:5060 --user bob --echo
  softphone answer --listen 127.0.0.1:5070 --play hello.wav --record caller.wav --count 1
  softphone answer --server pbx --user bob --keys    (calls ring until you type "accept")

` + consoleHelp + "\n\n" + exitHelp,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return answer(cmd.Context(), env, &o) },
	}
	o.add(cmd)
	fs := cmd.Flags()
	fs.StringVar(&o.sound.play, "play", "", "WAV `FILE` to play to the caller (8 or 16 kHz mono)")
	fs.BoolVar(&o.sound.loop, "loop", false, "play it over and over")
	o.sound.addRecord(cmd, "WAV `FILE` for what the caller says; further calls go to FILE-2, FILE-3, ...")
	fs.BoolVar(&o.sound.echo, "echo", false, "send back what the caller says")
	fs.IntVar(&o.maxCalls, "max-calls", 100, "answer at most `N` calls at once; more are busy")
	fs.IntVar(&o.count, "count", 0, "stop after `N` calls (default: go on until interrupted)")
	fs.DurationVar(&o.after, "after", 0, "let it ring for `TIME` before answering")
	fs.DurationVar(&o.duration, "duration", 0, "hang up `TIME` after answering (default: when the caller does, or --play is over)")
	fs.StringVar(&o.dtmf, "dtmf", "", "`DIGITS` to press once answered")
	fs.BoolVar(&o.keys, "keys", false, "let calls ring, and take commands from standard input: accept, hold, transfer, lines, ... (see above)")
	return cmd
}

// answering is one run of `softphone answer`.
type answering struct {
	o    *answerOptions
	ctx  context.Context
	stop context.CancelFunc
	s    *session
	work sync.WaitGroup

	ready chan struct{} // closed when s may be used

	mu     sync.Mutex
	ended  int
	result answerResult
	err    error
}

// answerResult is the last line of --json.
type answerResult struct {
	Type            string `json:"type"` // "result"
	Cause           string `json:"cause"`
	Error           string `json:"error,omitempty"`
	Calls           int    `json:"calls"`
	Answered        int    `json:"answered"`
	Blocked         int    `json:"blocked"`
	PacketsSent     uint64 `json:"packets_sent"`
	PacketsReceived uint64 `json:"packets_received"`
	PacketsLost     uint64 `json:"packets_lost"`

	TalkMS int64   `json:"talk_ms"`       // of all calls together
	MOS    float64 `json:"mos,omitempty"` // of the call that sounded worst
}

func answer(ctx context.Context, env *environment, o *answerOptions) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	a := &answering{o: o, ready: make(chan struct{}), result: answerResult{Type: "result", Cause: "done"}}
	a.ctx, a.stop = context.WithCancel(ctx)
	defer a.stop()
	out := newPrinter(env.stdout, o.json)
	lines := newDirected(&o.sound)
	a.s, err = o.open(ctx, env, func(c *phone.Config) {
		c.File.SIP.MaxCalls = o.maxCalls
		c.AnyUser = len(c.File.Accounts) == 0
		c.Calls = a.happened
		c.Registrations = registrationPrinter(out)
		c.Messages = messagesPrinter(out)
		if o.keys { // the sound of calls whose caller may ask to be answered at once
			c.Media, c.Monitor = lines.media, lines.monitor
		} else {
			c.File.Phone.AutoAnswer = nil // every caller is answered, by us
		}
	})
	if err != nil {
		return err
	}
	a.s.out = out
	for i := range a.s.file.Accounts {
		a.s.file.Accounts[i].Mode = config.ModeAutomation // any number of calls
	}
	keys := &console{s: a.s, sound: lines, quit: a.stop}
	if o.keys {
		go keys.read(a.ctx, env.stdin)
	}
	close(a.ready)
	finish := a.s.follow(func(ev store.Event) {
		out.event(ev)
		lines.ended(ev)
	})
	if err = a.listen(); err == nil {
		<-a.ctx.Done()
	}
	a.stop()
	err = errors.Join(err, finish())
	a.work.Wait()
	err = errors.Join(err, a.err, a.s.close(), lines.close())
	if err != nil {
		a.result.Cause, a.result.Error = "failed", err.Error()
	}
	out.line(a.result, "%d calls, %d answered, %d blocked; %d packets sent, %d received, %d lost",
		a.result.Calls, a.result.Answered, a.result.Blocked,
		a.result.PacketsSent, a.result.PacketsReceived, a.result.PacketsLost)
	return err
}

func (o *answerOptions) check() error {
	if o.maxCalls < 1 {
		return usagef("--max-calls is %d; at least one call must be possible", o.maxCalls)
	}
	if o.count < 0 {
		return usagef("--count is %d; leave it out to answer any number of calls", o.count)
	}
	if err := notNegative(times{"--after": o.after, "--duration": o.duration}); err != nil {
		return err
	}
	if err := checkDigits(o.dtmf); err != nil {
		return err
	}
	return o.sound.check()
}

// listen registers the accounts, if any, and says where calls may come in.
func (a *answering) listen() error {
	if len(a.s.file.Accounts) > 0 {
		if err := a.s.register(a.ctx, registerTime); err != nil {
			return err
		}
	}
	for _, l := range a.s.Listening() {
		a.s.out.line(map[string]any{"type": "listening", "transport": l.Transport.String(), "addr": l.Addr.String()},
			"%s  waiting for calls on %s", time.Now().Format("15:04:05.000"), l)
	}
	return nil
}

// happened starts an answerer for each call that rings, and counts.
func (a *answering) happened(ev dialer.Event) {
	switch ev.Type {
	case dialer.EventIncoming:
		if a.o.keys {
			return
		}
		a.work.Go(func() {
			<-a.ready
			a.take(ev.CallID)
		})
	case dialer.EventEnded:
		a.mu.Lock()
		a.ended++
		a.result.Calls++
		m := ev.Outcome.Media
		if !ev.Outcome.Answered.IsZero() {
			a.result.Answered++
		}
		if ev.Outcome.Disposition == dialer.Blocked {
			a.result.Blocked++
		}
		a.result.TalkMS += ev.Outcome.Talk.Milliseconds()
		if mos := phone.QualityOf(m).MOS; m.PacketsReceived > 0 && (a.result.MOS == 0 || mos < a.result.MOS) {
			a.result.MOS = mos
		}
		a.result.PacketsSent += m.PacketsSent
		a.result.PacketsReceived += m.PacketsReceived
		a.result.PacketsLost += m.PacketsLost
		if a.o.count > 0 && a.ended >= a.o.count {
			a.stop()
		}
		a.mu.Unlock()
	default:
	}
}

// take answers one call and stays with it to its end.
func (a *answering) take(id string) {
	c, ok := a.s.Call(id)
	if !ok || !sleep(a.ctx, a.o.after) {
		return
	}
	e, err := a.o.sound.next()
	if err != nil {
		_ = c.Hangup(a.ctx)
		a.fail(err)
		return
	}
	if err := c.Answer(a.ctx, dialer.AnswerOptions{Source: e.source, Sink: e.sink, Monitor: e.monitor}); err == nil {
		a.drive(c, e)
	}
	<-c.Done()
	if err := e.finish(); err != nil {
		a.fail(err)
	}
}

func (a *answering) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = errors.Join(a.err, err)
}

// drive does what the flags say with an answered call.
func (a *answering) drive(c *dialer.Call, e ends) {
	d := driver{dtmf: a.o.dtmf, duration: a.o.duration, tail: time.Second}
	if a.o.sound.play != "" && !a.o.sound.loop {
		d.played = e.source
	}
	d.drive(a.ctx, c)
}
