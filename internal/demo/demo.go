// Package demo is the conversation that `softphone demo` shows: a small
// exchange and two phones in one process, on loopback, driven by PhoneCall
// directives, with real SIP, real RTP and real speech both ways.
//
// It passes only when what each side heard is what the other one said,
// measured on the recordings, behind a marker that is new at each run.
package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/internal/exchange"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/audio/measure"
	speech "github.com/softphone-go/softphone/testdata/audio"
)

// The cast. Mallory's number is refused by Bob's PREFIX 070.
const (
	aliceNumber   = "01011112222"
	bobNumber     = "01033334444"
	malloryNumber = "07012345678"
	digits        = "1234#"
	speechTime    = 7 * time.Second
	patience      = 5 * time.Second // for anything that takes milliseconds when all is well
)

// Options are the free choices of a run.
type Options struct {
	// Dir keeps the recordings. Empty: a new folder in the system's temporary one.
	Dir string
	// Print takes each step as it happens. Mandatory.
	Print func(Step)
	// RTPFault, when set, sees every RTP packet between the phones and may
	// change or drop it: for the test that the demo notices.
	RTPFault func(packet []byte) (drop bool)
	Logger   *slog.Logger
}

// Step is one thing that happened, for people and as data.
type Step struct {
	Kind string          `json:"kind"` // step, directive, event, sip, call, check
	Who  string          `json:"who"`
	Text string          `json:"text"`
	JSON json.RawMessage `json:"json,omitempty"`
}

// Heard is how one side's recording compares with what the other side said.
type Heard struct {
	Listener    string  `json:"listener"`
	Recording   string  `json:"recording"`
	Correlation float64 `json:"correlation"`
	DelayMS     float64 `json:"delay_ms"`
	Dropouts    int     `json:"dropouts"`
	GapsMS      []int   `json:"gaps_at_ms,omitempty"` // where they begin in what was said
	OK          bool    `json:"ok"`
	Quality
}

// Report is the end of a run.
type Report struct {
	Heard  []Heard       `json:"heard"`
	Dir    string        `json:"dir"`
	Took   time.Duration `json:"-"`
	TookMS int64         `json:"took_ms"`
	// Stall is the longest that this computer kept the sound of a phone
	// waiting: media run every 10 ms.
	Stall   time.Duration `json:"-"`
	StallMS float64       `json:"stall_ms"`
}

// Run plays the conversation. The error says which expectation did not hold;
// the report is there as far as it got.
func Run(ctx context.Context, o Options) (Report, error) {
	start := time.Now()
	r, err := perform(ctx, o)
	r.Took = time.Since(start)
	r.TookMS = r.Took.Milliseconds()
	return r, err
}

// stage is what the conversation plays on.
type stage struct {
	o                   Options
	dir                 string
	ex                  *exchange.Exchange
	alice, bob, mallory *actor
}

func perform(ctx context.Context, o Options) (Report, error) {
	s := &stage{o: o, dir: o.Dir}
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "softphone-demo-")
		if err != nil {
			return Report{}, err
		}
		s.dir = dir
	} else if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return Report{}, err
	}
	report := Report{Dir: s.dir}
	if err := s.build(ctx); err != nil {
		return report, errors.Join(err, s.strike())
	}
	err := s.play(ctx)
	report.Stall = max(s.alice.phone.Pacing().MaxLate, s.bob.phone.Pacing().MaxLate)
	report.StallMS = float64(report.Stall.Microseconds()) / 1000
	if err = errors.Join(err, s.strike()); err != nil {
		return report, err
	}
	if report.Heard, err = s.judge(); err != nil && report.Stall > longStall {
		err = errors.Join(err, fmt.Errorf("this computer kept the sound waiting for %.0f ms, by which it may have been lost; try again when it is less busy", report.StallMS))
	}
	return report, err
}

// longStall is how long a phone's sound may wait without damage: packets that
// are due leave late, up to the depth of its queue.
const longStall = 50 * time.Millisecond

// build starts the exchange and the phones.
func (s *stage) build(ctx context.Context) (err error) {
	secrets := map[string]string{}
	var users []exchange.User
	for _, u := range []struct{ number, name string }{{aliceNumber, "Alice"}, {bobNumber, "Bob"}, {malloryNumber, "Mallory"}} {
		secrets[u.number] = rand.Text()
		users = append(users, exchange.User{Name: u.number, Password: secrets[u.number], DisplayName: u.name})
	}
	s.ex, err = exchange.Start(exchange.Config{
		Users: users, RTPFault: s.o.RTPFault, Logger: s.o.Logger,
		Trace: func(line string) { s.print("sip", "exchange", line, nil) },
	})
	if err != nil {
		return fmt.Errorf("the exchange did not start: %w", err)
	}
	s.print("step", "", "an exchange listens on "+s.ex.Addr(), nil)
	said := map[string][]byte{aliceNumber: speech.SpeechA, bobNumber: speech.SpeechB, malloryNumber: nil}
	for _, a := range []struct {
		to           **actor
		name, number string
	}{{&s.alice, "Alice", aliceNumber}, {&s.bob, "Bob", bobNumber}, {&s.mallory, "Mallory", malloryNumber}} {
		script, err := newScript(said[a.number])
		if err != nil {
			return err
		}
		if *a.to, err = newActor(ctx, s, a.name, a.number, secrets[a.number], script); err != nil {
			return fmt.Errorf("%s's phone did not start: %w", a.name, err)
		}
	}
	return nil
}

// newScript is what an actor says: a marker that is new at each run, then
// speech.
func newScript(wav []byte) ([]int16, error) {
	if wav == nil {
		return nil, nil
	}
	w, err := audio.DecodeWAV(bytes.NewReader(wav))
	if err != nil {
		return nil, err
	}
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails
	words := w.SamplesAt(audio.Narrowband)
	words = words[:min(len(words), int(speechTime.Seconds()*audio.Narrowband))]
	return append(measure.Marker(binary.LittleEndian.Uint64(seed[:])), words...), nil
}

// play runs the conversation.
func (s *stage) play(ctx context.Context) error {
	s.print("step", "", "Bob blocks every caller whose number begins with 070", nil)
	if _, err := s.bob.phone.Rules().Add(ctx, blocklist.Prefix, "070", "demo"); err != nil {
		return err
	}
	for _, a := range []*actor{s.alice, s.bob, s.mallory} {
		if err := a.register(ctx); err != nil {
			return fmt.Errorf("%s did not get registered: %w", a.name, err)
		}
	}
	s.print("step", "", "Alice calls Bob", nil)
	steps := []func(context.Context) error{
		func(ctx context.Context) error { return s.alice.direct(ctx, makeCall("Bob", bobNumber)) },
		func(ctx context.Context) error { return s.alice.expect(ctx, "MakeCallSucceeded") },
		func(ctx context.Context) error { return s.bob.expect(ctx, "CallArrived") },
		func(ctx context.Context) error { return s.bob.direct(ctx, acceptCall()) },
		func(ctx context.Context) error { return s.bob.expect(ctx, "CallEstablished") },
		func(ctx context.Context) error { return s.alice.expect(ctx, "CallEstablished") },
		s.talk,
		func(ctx context.Context) error { return s.alice.press(ctx, digits) },
		func(ctx context.Context) error { return s.bob.expectDigits(ctx, digits) },
		s.blocked,
		func(ctx context.Context) error { return s.alice.direct(ctx, endCall()) },
		func(ctx context.Context) error { return s.alice.expect(ctx, "CallEnded") },
		func(ctx context.Context) error { return s.bob.expect(ctx, "CallEnded") },
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// talk lets both speak to the end.
func (s *stage) talk(ctx context.Context) error {
	s.print("step", "", fmt.Sprintf("both talk for %.0f s, over RTP on loopback", (speechTime+measureTime).Seconds()), nil)
	return errors.Join(s.alice.finishTalking(ctx), s.bob.finishTalking(ctx))
}

// blocked lets Mallory try, while Bob is talking: the rule decides, not the
// busy line.
func (s *stage) blocked(ctx context.Context) error {
	s.print("step", "", "Mallory, whose number begins with 070, calls Bob", nil)
	if err := s.mallory.direct(ctx, makeCall("Bob", bobNumber)); err != nil {
		return err
	}
	if err := s.mallory.expect(ctx, "MakeCallSucceeded"); err != nil {
		return err
	}
	if err := s.mallory.expect(ctx, "CallEnded"); err != nil {
		return err
	}
	if code := s.mallory.lastCode(); code != 603 {
		return fmt.Errorf("the blocked call ended with SIP %d; 603 Decline was expected", code)
	}
	if s.mallory.rang() {
		return errors.New("the blocked call rang before it was refused")
	}
	s.print("check", "Bob", "refused with 603 before anything rang; Bob was told of no call", nil)
	return s.bob.noEvent("CallArrived")
}

// strike ends the phones and the exchange.
func (s *stage) strike() error {
	var errs []error
	for _, a := range []*actor{s.alice, s.bob, s.mallory} {
		if a != nil {
			errs = append(errs, a.close())
		}
	}
	if s.ex != nil {
		errs = append(errs, s.ex.Close())
	}
	return errors.Join(errs...)
}

// measureTime is the marker's length.
const measureTime = 500 * time.Millisecond

// judge compares what each heard with what the other said.
func (s *stage) judge() ([]Heard, error) {
	var out []Heard
	var errs []error
	for _, pair := range []struct{ listener, speaker *actor }{{s.bob, s.alice}, {s.alice, s.bob}} {
		h, err := pair.listener.heard(pair.speaker.script)
		if err != nil {
			return out, err
		}
		out = append(out, h)
		if !h.OK {
			errs = append(errs, fmt.Errorf("what %s heard is not what %s said: correlation %.3f (above %.2f is needed), %d gaps of 20 ms (none is allowed)%s",
				pair.listener.name, pair.speaker.name, h.Correlation, enoughCorrelation, h.Dropouts, h.where()))
		}
	}
	return out, errors.Join(errs...)
}

// where says where the gaps are and whether packets are missing for them.
func (h Heard) where() string {
	if len(h.GapsMS) == 0 {
		return ""
	}
	return fmt.Sprintf(", the first one %d ms from the start; %d packets lost, %d late, %.0f ms made up",
		h.GapsMS[0], h.PacketsLost, h.PacketsLate, h.ConcealedMS)
}

func (s *stage) print(kind, who, text string, raw []byte) {
	s.o.Print(Step{Kind: kind, Who: who, Text: text, JSON: raw})
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }
