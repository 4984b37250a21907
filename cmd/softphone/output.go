package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/softphone-go/softphone/capture"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/sip"
	"github.com/softphone-go/softphone/store"
)

// printer writes lines for people or JSON lines. It is safe for use by several
// goroutines.
type printer struct {
	mu   sync.Mutex
	w    io.Writer
	json bool
}

func newPrinter(w io.Writer, asJSON bool) *printer { return &printer{w: w, json: asJSON} }

// line prints v as a JSON line, or the sentence.
func (p *printer) line(v any, format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.json {
		if text := fmt.Sprintf(format, args...); text != "" {
			fmt.Fprintln(p.w, printable(text))
		}
		return
	}
	raw, err := json.Marshal(v)
	if err != nil {
		raw, _ = json.Marshal(map[string]string{"type": "error", "error": err.Error()})
	}
	_, _ = p.w.Write(append(raw, '\n'))
}

// text prints a sentence for people, and nothing with --json.
func (p *printer) text(format string, args ...any) {
	if !p.json {
		p.line(nil, format, args...)
	}
}

// printable keeps what callers call themselves from steering the terminal:
// control characters and those that turn the direction of writing become U+FFFD.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// raw prints a line that is JSON already.
func (p *printer) raw(line []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = p.w.Write(append(append(make([]byte, 0, len(line)+1), line...), '\n'))
}

// callLine is a call event as --json prints it.
type callLine struct {
	Type string    `json:"type"`
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	phone.CallEvent
}

// event prints one journal event if it is a call's.
func (p *printer) event(ev store.Event) {
	if !strings.HasPrefix(ev.Type, "call.") {
		return
	}
	l := callLine{Type: ev.Type, Seq: ev.Seq, Time: ev.Time}
	if err := json.Unmarshal(ev.Data, &l.CallEvent); err != nil {
		return
	}
	p.line(l, "%s  %s", ev.Time.Local().Format("15:04:05.000"), sentence(ev.Type, l.CallEvent))
}

// sentence says in plain words what an event means.
func sentence(kind string, e phone.CallEvent) string {
	who := e.Remote
	if e.Name != "" {
		who = fmt.Sprintf("%s (%s)", e.Name, e.Remote)
	}
	status := ""
	if e.Code != 0 {
		status = strings.TrimSpace(fmt.Sprintf(" (%d %s", e.Code, e.Reason)) + ")"
	}
	switch kind {
	case phone.TypeDialing:
		return "calling " + who
	case phone.TypeRinging:
		return "it rings" + withSpace(status)
	case phone.TypeEarlyMedia:
		return "sound before the answer" + withSpace(status)
	case phone.TypeIncoming:
		return "a call from " + who
	case phone.TypeAnswered:
		return "answered: " + who
	case phone.TypeHeld:
		return "on hold, by " + e.By
	case phone.TypeResumed:
		return "off hold, by " + e.By
	case phone.TypeTransferring:
		return "transfer to " + e.Target + withSpace(status)
	case phone.TypeTransferred:
		return "handed on to " + e.Target
	case phone.TypeTransferFailed:
		return "the transfer to " + e.Target + " failed" + withSpace(status)
	case phone.TypeReplaced:
		return "goes on with " + who
	case phone.TypeDigit:
		return "they pressed " + e.Digit
	case phone.TypeBlocked:
		return fmt.Sprintf("%s is blocked: %s", who, e.Rule)
	case phone.TypeEnded:
		if e.Ended == nil {
			return "ended"
		}
		s := fmt.Sprintf("ended: %s, by %s%s", e.Ended.Disposition, e.Ended.EndedBy, withSpace(status))
		if e.Ended.Error != "" && !strings.HasSuffix(e.Ended.Error, strings.TrimSpace(fmt.Sprintf("%d %s", e.Code, e.Reason))) {
			s += ": " + e.Ended.Error
		}
		return s
	}
	return strings.TrimPrefix(kind, "call.")
}

func withSpace(s string) string {
	if s == "" {
		return ""
	}
	return " " + strings.TrimSpace(s)
}

// tracer prints whole SIP messages with credentials masked.
type tracer struct {
	mu sync.Mutex
	w  io.Writer
}

func newTracer(w io.Writer) *tracer { return &tracer{w: w} }

func (t *tracer) message(m sip.TapMessage) {
	way, from, to := "received", m.Remote, m.Local
	if m.Sent {
		way, from, to = "sent", m.Local, m.Remote
	}
	text := strings.ReplaceAll(string(capture.Mask(m.Data)), "\r\n", "\n")
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "--- %s %s %s %s -> %s\n%s\n", m.Time.Format("15:04:05.000"), way, m.Transport,
		addrText(from), addrText(to), strings.TrimRight(text, "\n")+"\n")
}

func addrText(a netip.AddrPort) string {
	if !a.IsValid() {
		return "?"
	}
	return a.String()
}

// flat puts a text on one line.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// pad fills a text with spaces to a width in columns, of which Korean and other
// East Asian letters take two (UAX #11).
func pad(s string, width int) string {
	for _, r := range s {
		width--
		if r >= 0x1100 && r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff ||
			r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 || r >= 0xffe0 && r <= 0xffe6 || r >= 0x1f300 && r <= 0x1faff {
			width--
		}
	}
	return s + strings.Repeat(" ", max(width, 0))
}
