// This example shows how to:
//
//  1. put a phone into a smart speaker: sound, focus, audio route and who is shown are the device's
//  2. take PhoneCall directives from standard input, or a WebSocket, and answer with events
//  3. tell the user who was found and who is calling; a device speaks, this one writes
//  4. play a ring tone while a call is INCOMING
//
// DIR keeps all that is to last. docs/smartspeaker.md is a session; with the test PBX:
//
//	SOFTPHONE_PASSWORD=alice-secret go run ./examples/smartspeaker DIR 127.0.0.1:5060 alice [WEBSOCKET]
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, args []string) (err error) {
	if len(args) < 3 || len(args) > 4 {
		return errors.New("usage: smartspeaker DIR SERVER USER [WEBSOCKET], with the password in SOFTPHONE_PASSWORD")
	}
	// 1. A phone in a device. What it calls there must not block.
	wav, err := audio.CreateWAV(args[0]+"/loudspeaker.wav", audio.Narrowband)
	if err != nil {
		return err
	}
	d := &device{loudspeaker: wav}
	p, err := phone.Open(ctx, phone.Config{
		File: config.Default(), StorePath: args[0] + "/" + phone.StoreName, Display: d,
		Focus:      func(held bool) { d.hush(); fmt.Println("focus:", held) },
		AudioRoute: func(speaker bool) error { fmt.Println("loudspeaker:", speaker); return nil },
		Media:      func(string) (audio.Source, audio.Sink) { return audio.Silence{}, wav }, // put your microphone here
	})
	if err != nil {
		return errors.Join(err, wav.Close())
	}
	defer func() { d.hush(); err = errors.Join(err, p.Close(context.WithoutCancel(ctx)), wav.Close()) }()
	account := config.Account{Server: args[1], User: args[2], Password: os.Getenv("SOFTPHONE_PASSWORD")}
	if err = errors.Join(p.AddAccount(account), p.WaitRegistered(ctx, account.Name())); err != nil {
		return err
	}

	// 2. Directives in, events out, each a JSON object.
	in := bufio.NewReader(os.Stdin)
	receive := func() ([]byte, error) { return in.ReadBytes('\n') }
	send := func(event []byte) error { _, err := fmt.Printf("sends: %s\n", event); return err }
	if len(args) == 4 {
		conn, _, err := websocket.Dial(ctx, args[3], nil) //nolint:bodyclose // the library closes it
		if err != nil {
			return err
		}
		defer func() { _ = conn.CloseNow() }()
		receive = func() ([]byte, error) { _, message, err := conn.Read(ctx); return message, err }
		send = func(event []byte) error { return conn.Write(ctx, websocket.MessageText, event) }
	}
	go func() { // the end of the input ends the reading, not the phone
		for message, err := receive(); err == nil; message, err = receive() {
			if refused := p.Agent().Handle(ctx, message); refused != nil {
				answer, _ := json.Marshal(map[string]string{"refused": refused.Error()})
				_ = send(answer)
			}
		}
	}()
	fmt.Println("ready")
	if err := p.Follow(ctx, func(ev store.Event) bool {
		d.tell(ev, p.Agent())
		return !strings.HasPrefix(ev.Type, phone.TypePhoneCall) || send(ev.Data) == nil
	}); ctx.Err() == nil {
		return err
	}
	return nil // interrupted
}

// device is what a smart speaker has.
type device struct {
	loudspeaker audio.Sink
	rings       atomic.Bool
	ringing     sync.Mutex // held while the ring tone has the loudspeaker
}

// tell says who is calling. (3.)
func (d *device) tell(ev store.Event, a *agent.Agent) {
	switch ev.Type {
	case phone.TypePhoneCall + "MakeCallSucceeded":
		_ = a.HideCandidates() // one was chosen
	case phone.TypePhoneCall + "CallArrived":
		var m struct{ Context agent.Context }
		_ = json.Unmarshal(ev.Data, &m)
		fmt.Printf("says: %s is calling\nring tone\n", m.Context.PhoneCall.Recipient.Name)
		d.rings.Store(true)
		go d.ring()
	case phone.TypePhoneCall + "CallEnded":
		d.hush()
	}
}

// ring plays the ring tone. (4.)
func (d *device) ring() {
	d.ringing.Lock()
	defer d.ringing.Unlock()
	tone, frame := audio.Ringback().Source(), audio.NewFrame(audio.Narrowband)
	for next := time.Tick(audio.FrameTime); d.rings.Load(); <-next {
		tone.ReadFrame(frame)
		d.loudspeaker.WriteFrame(frame)
	}
}

// hush ends the ring tone; the loudspeaker is free then.
func (d *device) hush() {
	d.rings.Store(false)
	d.ringing.Lock()
	defer d.ringing.Unlock()
}

// Show tells who was found. (3.)
func (d *device) Show(t agent.Template) {
	fmt.Println("says:", len(t.Candidates), "found")
	for i, c := range t.Candidates {
		fmt.Printf("says: %d. %s (%s)\n", i+1, c.Name, c.Type)
	}
}

func (d *device) Release() {} // nothing is on a screen
