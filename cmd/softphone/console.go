package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/phone"
)

// consoleHelp is what --keys and the command "help" teach.
const consoleHelp = `With --keys, lines on standard input steer the calls; the first letter is enough:

  hold, resume       put the line on hold, take it back
  transfer TARGET    hand the line on; it is gone once TARGET has taken it
  dial TARGET        make another call; the line is held meanwhile
  accept             take the call that waits, the line is held; "reject" refuses it
  lines              list the lines; a number (1, 2, ...) switches to that line
  join N             connect the line with line N and leave both to themselves
  press DIGITS       0-9 * # A-D
  mute, unmute       your microphone
  end                hang the line up
  help, quit         quit hangs all lines up`

// console works on lines of standard input. It is the line's user: one line at a
// time is spoken on.
type console struct {
	s     *session
	sound *directed
	quit  func()

	mu     sync.Mutex
	lines  []*dialer.Call // by number, gaps where calls have ended
	active *dialer.Call
}

// consoleLine is what a command came to, as --json prints it.
type consoleLine struct {
	Type    string `json:"type"` // "command"
	Command string `json:"command"`
	Error   string `json:"error,omitempty"`
	Text    string `json:"text,omitempty"`
}

// errQuit ends the reading.
var errQuit = errors.New("quit")

// read works until the input ends, somebody quits, or ctx ends. It may stay in a
// read when ctx has ended: the process ends then.
func (k *console) read(ctx context.Context, in io.Reader) {
	lines := bufio.NewScanner(in)
	for lines.Scan() && ctx.Err() == nil {
		command := strings.TrimSpace(lines.Text())
		if command == "" {
			continue
		}
		text, err := k.do(ctx, command)
		if errors.Is(err, errQuit) {
			k.quit()
			return
		}
		l := consoleLine{Type: "command", Command: command, Text: text}
		if err != nil {
			l.Error, text = err.Error(), err.Error()
		}
		k.s.out.line(l, "%s", text)
	}
}

// do works on one command.
func (k *console) do(ctx context.Context, command string) (string, error) {
	word, rest, _ := strings.Cut(command, " ")
	rest = strings.TrimSpace(rest)
	if n, err := strconv.Atoi(word); err == nil {
		return k.switchTo(ctx, n)
	}
	switch full := whichCommand(word); full {
	case "help":
		return consoleHelp, nil
	case "quit":
		return "", errQuit
	case "lines":
		return k.list(), nil
	case "dial":
		return "", k.dial(ctx, rest)
	case "accept", "reject":
		return "", k.waiting(ctx, full == "accept")
	case "":
		return "", fmt.Errorf("%q is no command, or stands for several; type help", word)
	default:
		c := k.line()
		if c == nil {
			return "", errors.New("there is no line to do that with; type lines")
		}
		return "", k.onLine(ctx, c, full, rest)
	}
}

// whichCommand finds the command that begins so; "" for none or several. Single
// letters mean the first of the list.
func whichCommand(word string) string {
	all := []string{"hold", "resume", "transfer", "dial", "accept", "lines", "join", "press", "mute", "end", "quit", "unmute", "reject", "help"}
	found := ""
	for _, c := range all {
		switch {
		case c == word, len(word) == 1 && strings.HasPrefix(c, word):
			return c
		case strings.HasPrefix(c, word) && found != "":
			return ""
		case strings.HasPrefix(c, word):
			found = c
		}
	}
	return found
}

// onLine does what needs a line.
func (k *console) onLine(ctx context.Context, c *dialer.Call, what, rest string) error {
	switch what {
	case "hold":
		return c.Hold(ctx)
	case "resume":
		return k.s.Switch(ctx, c)
	case "transfer":
		return k.s.Transfer(ctx, c, rest)
	case "join":
		n, err := strconv.Atoi(rest)
		other := k.numbered(n)
		if err != nil || other == nil {
			return fmt.Errorf("join %q: there is no such line; type lines", rest)
		}
		return c.TransferTo(ctx, other)
	case "press":
		return c.SendDigits(ctx, rest)
	case "mute", "unmute":
		return c.Mute(what == "mute")
	default:
		return c.Hangup(ctx)
	}
}

// look numbers the calls that have come since, and forgets those that are over.
func (k *console) look() {
	for i, l := range k.lines {
		if l != nil && l.State() == dialer.Ended {
			k.lines[i] = nil
		}
	}
	for _, c := range k.s.Calls() {
		known := false
		for _, l := range k.lines {
			known = known || l == c
		}
		if !known {
			k.lines = append(k.lines, c)
		}
	}
}

// line is the one spoken on: the last that was switched to, dialled or accepted,
// else the oldest that is answered, else the oldest.
func (k *console) line() *dialer.Call {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.look()
	if k.active != nil && k.active.State() != dialer.Ended {
		return k.active
	}
	k.active = nil
	var first *dialer.Call
	for _, c := range k.lines {
		switch {
		case c == nil:
		case c.State() == dialer.Established:
			return c
		case first == nil && c.State() != dialer.Ended:
			first = c
		}
	}
	return first
}

func (k *console) use(c *dialer.Call) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.active = c
}

func (k *console) numbered(n int) *dialer.Call {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.look()
	if n < 1 || n > len(k.lines) || k.lines[n-1] == nil {
		return nil
	}
	return k.lines[n-1]
}

func (k *console) switchTo(ctx context.Context, n int) (string, error) {
	c := k.numbered(n)
	if c == nil {
		return "", fmt.Errorf("there is no line %d; type lines", n)
	}
	k.use(c)
	return "", k.s.Switch(ctx, c)
}

// list shows the lines.
func (k *console) list() string {
	active := k.line()
	k.mu.Lock()
	defer k.mu.Unlock()
	var b strings.Builder
	for i, c := range k.lines {
		if c == nil {
			continue
		}
		info := c.Info()
		if info.State == dialer.Ended {
			continue
		}
		mark, state := " ", strings.ToLower(info.State.String())
		if c == active {
			mark = "*"
		}
		switch {
		case info.Held:
			state = "held"
		case info.RemoteHeld:
			state = "held by them"
		}
		fmt.Fprintf(&b, "%s %d  %-12s %s\n", mark, i+1, state, info.Remote)
	}
	if b.Len() == 0 {
		return "no lines"
	}
	return strings.TrimRight(b.String(), "\n")
}

// dial holds the line and makes another call.
func (k *console) dial(ctx context.Context, target string) error {
	if target == "" {
		return errors.New("dial whom? give a number or a SIP URI")
	}
	if c := k.line(); c != nil && c.State() == dialer.Established {
		if err := c.Hold(ctx); err != nil {
			return err
		}
	}
	e, err := k.sound.sound.next()
	if err != nil {
		return err
	}
	c, err := k.s.Dial(ctx, target, phone.DialOptions{Source: e.source, Sink: e.sink, Monitor: e.monitor})
	if err != nil {
		return errors.Join(err, e.finish())
	}
	k.sound.keep(c.ID(), e)
	k.line()
	k.use(c)
	return nil
}

// waiting answers or refuses the call that rings.
func (k *console) waiting(ctx context.Context, accept bool) error {
	for _, c := range k.s.Calls() {
		switch {
		case c.State() != dialer.Incoming:
			continue
		case !accept:
			return c.Reject(ctx, 0)
		}
		if line := k.line(); line != nil && line.State() == dialer.Established {
			if err := line.Hold(ctx); err != nil {
				return err
			}
		}
		e, err := k.sound.sound.next()
		if err != nil {
			return err
		}
		if err := c.Answer(ctx, dialer.AnswerOptions{Source: e.source, Sink: e.sink, Monitor: e.monitor}); err != nil {
			return errors.Join(err, e.finish())
		}
		k.sound.keep(c.ID(), e)
		k.use(c)
		return nil
	}
	return errors.New("no call is waiting")
}

// finish waits until all lines are over; those that are up when ctx ends are hung
// up, together.
func (k *console) finish(ctx context.Context) {
	for ctx.Err() == nil {
		calls := k.s.Calls()
		if len(calls) == 0 {
			return
		}
		select {
		case <-calls[0].Done():
		case <-ctx.Done():
		}
	}
	calls := k.s.Calls()
	for _, c := range calls {
		_ = c.Hangup(context.WithoutCancel(ctx))
	}
	limit := time.NewTimer(2 * closeTime) // more than a call takes whose other side is gone
	defer limit.Stop()
	for _, c := range calls {
		select {
		case <-c.Done():
		case <-limit.C:
			return // the end of the phone waits for the rest
		}
	}
}
