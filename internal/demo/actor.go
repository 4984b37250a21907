package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/audio/measure"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/sip"
	"github.com/softphone-go/softphone/store"
)

// enoughCorrelation is how like the sound must be, over the whole recording.
const enoughCorrelation = 0.95

// Quality is a side's media figures.
type Quality = phone.Quality

// actor is one phone of the demo and who uses it.
type actor struct {
	stage        *stage
	name, number string
	script       []int16 // what is said
	phone        *phone.Phone
	voice        *audio.Player
	recording    *audio.Recorder
	followed     chan struct{}

	mu      sync.Mutex
	events  []string // PhoneCall events not yet expected
	changed chan struct{}
	digits  strings.Builder
	code    int
	ringing bool
	media   media.Stats
	callID  string
}

func newActor(ctx context.Context, s *stage, name, number, password string, script []int16) (*actor, error) {
	a := &actor{stage: s, name: name, number: number, script: script, changed: make(chan struct{}), followed: make(chan struct{})}
	if script != nil {
		wav, err := audio.NewWAV(audio.Narrowband, script)
		if err != nil {
			return nil, err
		}
		a.voice = wav.Source(false)
		if a.recording, err = audio.CreateWAV(s.path(strings.ToLower(name)+"-heard.wav"), audio.Narrowband); err != nil {
			return nil, err
		}
	}
	file := config.Default()
	file.SIP.Listen = []string{"udp:127.0.0.1:0", "tcp:127.0.0.1:0"}
	file.Phone.PlayServiceID = "demo"
	// Loopback needs no adaptation, and the recordings are compared at one lag:
	// the delay is fixed, with room for a busy machine.
	file.Media.Delay, file.Media.Fixed = config.Duration(200*time.Millisecond), true
	var err error
	a.phone, err = phone.Open(ctx, phone.Config{
		File: file, StorePath: phone.Memory, Media: a.sound, Calls: a.call, Trace: a.trace, Logger: s.o.Logger,
	})
	if err != nil {
		if a.recording != nil {
			err = errors.Join(err, a.recording.Close())
		}
		return nil, err
	}
	go func() {
		defer close(a.followed)
		_ = a.phone.Follow(context.Background(), func(ev store.Event) bool { a.journal(ev); return true })
	}()
	return a, a.phone.AddAccount(config.Account{
		ID: number, Server: s.ex.Addr(), User: number, Password: password, DisplayName: name,
		Transport: "udp", Mode: config.ModePhone,
	})
}

func (a *actor) sound(string) (audio.Source, audio.Sink) {
	if a.voice == nil {
		return audio.Silence{}, audio.Discard{}
	}
	return a.voice, a.recording
}

func (a *actor) register(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := a.phone.WaitRegistered(ctx, a.number); err != nil {
		return err
	}
	a.stage.print("step", a.name, fmt.Sprintf("registered as %s", a.number), nil)
	return nil
}

// call sees the call events as they happen.
func (a *actor) call(ev dialer.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch ev.Type {
	case dialer.EventDialing, dialer.EventIncoming:
		a.callID, a.ringing = ev.CallID, false
	case dialer.EventRinging:
		a.ringing = true
	case dialer.EventDigit:
		a.digits.WriteRune(ev.Digit)
	case dialer.EventEnded:
		a.code = ev.Code
		if ev.Outcome != nil && ev.CallID == a.callID {
			a.media = ev.Outcome.Media
		}
	default:
	}
	a.wake()
}

// journal prints the PhoneCall events, in the order of the journal.
func (a *actor) journal(ev store.Event) {
	name, ok := strings.CutPrefix(ev.Type, phone.TypePhoneCall)
	if !ok {
		if ev.Type == phone.TypeBlocked {
			a.stage.print("call", a.name, "blocked before ringing", ev.Data)
		}
		return
	}
	a.stage.print("event", a.name, name, ev.Data)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, name)
	a.wake()
}

// wake wakes whoever waits; mu is held.
func (a *actor) wake() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// trace prints the first line of each SIP message.
func (a *actor) trace(m sip.TapMessage) {
	way := "receives"
	if m.Sent {
		way = "sends"
	}
	first, _, _ := strings.Cut(string(m.Data[:min(len(m.Data), 200)]), "\r\n")
	a.stage.print("sip", a.name, way+" "+first, nil)
}

// until waits for a condition on what was seen, which is checked with mu held.
func (a *actor) until(ctx context.Context, limit time.Duration, what string, ok func() bool) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		a.mu.Lock()
		done, changed := ok(), a.changed
		a.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return fmt.Errorf("%s waited %s for %s in vain", a.name, limit, what)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// expect waits for the next PhoneCall event, which must be name.
func (a *actor) expect(ctx context.Context, name string) error {
	var got string
	err := a.until(ctx, patience, name, func() bool {
		if len(a.events) == 0 {
			return false
		}
		got, a.events = a.events[0], a.events[1:]
		return true
	})
	if err == nil && got != name {
		return fmt.Errorf("%s's phone sent %s where %s was expected", a.name, got, name)
	}
	return err
}

// noEvent checks that an event did not come.
func (a *actor) noEvent(name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.events {
		if e == name {
			return fmt.Errorf("%s's phone sent %s, which must not be", a.name, name)
		}
	}
	return nil
}

// direct hands the phone a directive.
func (a *actor) direct(ctx context.Context, directive map[string]any) error {
	header := directive["header"].(map[string]any)
	header["messageId"], header["dialogRequestId"] = uuid.Must(uuid.NewV7()).String(), uuid.Must(uuid.NewV7()).String()
	raw, err := json.Marshal(directive)
	if err != nil {
		return err
	}
	a.stage.print("directive", a.name, fmt.Sprint(header["name"]), raw)
	return a.phone.Agent().Handle(ctx, raw)
}

func (a *actor) press(ctx context.Context, digits string) error {
	a.stage.print("step", "", a.name+" presses "+digits, nil)
	a.mu.Lock()
	id := a.callID
	a.mu.Unlock()
	c, ok := a.phone.Call(id)
	if !ok {
		return fmt.Errorf("%s has no call to press digits in", a.name)
	}
	return c.SendDigits(ctx, digits)
}

func (a *actor) expectDigits(ctx context.Context, want string) error {
	err := a.until(ctx, patience, "the digits "+want, func() bool { return a.digits.Len() >= len(want) })
	a.mu.Lock()
	got := a.digits.String()
	a.mu.Unlock()
	if err == nil && got != want {
		err = fmt.Errorf("%s read the digits %q; %q were pressed", a.name, got, want)
	}
	if err == nil {
		a.stage.print("check", a.name, "read the digits "+got, nil)
	}
	return err
}

// finishTalking waits until all is said, and a little for the last of it to
// arrive.
func (a *actor) finishTalking(ctx context.Context) error {
	limit := time.After(speechTime + measureTime + patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !a.voice.Done() {
		select {
		case <-tick.C:
		case <-limit:
			return fmt.Errorf("%s did not get to say it all: the sound does not run", a.name)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case <-time.After(300 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *actor) lastCode() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.code
}

func (a *actor) rang() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ringing
}

// heard compares the recording with what the other side said.
func (a *actor) heard(said []int16) (Heard, error) {
	wav, err := audio.OpenWAV(a.recording.Path())
	if err != nil {
		return Heard{}, err
	}
	const mostLag = 2 * audio.Narrowband
	r := measure.Compare(said, wav.Samples(), mostLag)
	var gaps []int
	for _, at := range measure.Gaps(said, wav.Samples(), r.Lag) {
		gaps = append(gaps, at*1000/audio.Narrowband)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return Heard{
		Listener: a.name, Recording: a.recording.Path(), Correlation: r.Correlation,
		DelayMS: float64(r.Lag) * 1000 / audio.Narrowband, Dropouts: r.Dropouts, GapsMS: gaps,
		OK: r.Correlation > enoughCorrelation && r.Dropouts == 0, Quality: phone.QualityOf(a.media),
	}, nil
}

func (a *actor) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	if a.phone != nil {
		err = a.phone.Stop(ctx)
		<-a.followed
		err = errors.Join(err, a.phone.Close(ctx))
	}
	if a.recording != nil {
		err = errors.Join(err, a.recording.Close())
	}
	return err
}

// The directives of the conversation; direct fills in the ids.
func makeCall(name, number string) map[string]any {
	return directive("MakeCall", map[string]any{
		"playServiceId": "demo", "callType": "NORMAL",
		"recipient": map[string]any{
			"name": name, "type": "CONTACT", "contacts": []any{map[string]any{"label": "MOBILE", "number": number}},
		},
	})
}

func acceptCall() map[string]any {
	return directive("AcceptCall", map[string]any{"playServiceId": "demo", "speakerPhone": false})
}

func endCall() map[string]any {
	return directive("EndCall", map[string]any{"playServiceId": "demo"})
}

func directive(name string, payload map[string]any) map[string]any {
	return map[string]any{
		"header":  map[string]any{"namespace": "PhoneCall", "name": name, "version": "1.3"},
		"payload": payload,
	}
}
