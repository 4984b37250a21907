// This example shows how to:
//
//  1. start a phone inside your own program, with everything kept in memory
//  2. register an account and wait until it is registered
//  3. follow what happens to calls
//  4. call a number, play a tone to it and record what comes back
//  5. hang up, read how the call went, and take the registration back
//
// Run it against any PBX; with the test PBX of this repository (docker compose up -d):
//
//	SOFTPHONE_PASSWORD=alice-secret go run ./examples/embed 127.0.0.1:5060 alice 600
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/phone"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: embed SERVER USER NUMBER, with the password in SOFTPHONE_PASSWORD")
	}
	if err := run(os.Args[1], os.Args[2], os.Getenv("SOFTPHONE_PASSWORD"), os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func run(server, user, password, number string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	// 1. A phone. Memory keeps history and rules for this run only; give
	// File.DataDir instead to keep them. Calls must not block: hand work on.
	p, err := phone.Open(ctx, phone.Config{
		File:      config.Default(),
		StorePath: phone.Memory,
		Calls:     func(ev dialer.Event) { fmt.Println(ev.Type, ev.Remote.URI) }, // 3.
	})
	if err != nil {
		return err
	}
	defer func() { // 5.
		closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err = errors.Join(err, p.Close(closing))
	}()

	// 2. An account. In automation mode it carries any number of calls.
	account := config.Account{Server: server, User: user, Password: password, Mode: config.ModeAutomation}
	if err := p.AddAccount(account); err != nil {
		return err
	}
	if err := p.WaitRegistered(ctx, account.Name()); err != nil {
		return err
	}

	// 4. A call. Source is what the other side hears, Sink takes what it says.
	recording, err := audio.CreateWAV("heard.wav", audio.Narrowband)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, recording.Close()) }()
	call, err := p.Dial(ctx, number, phone.DialOptions{Source: audio.Milliwatt().Source(), Sink: recording})
	if err != nil {
		return err
	}
	select {
	case <-call.Done(): // busy, declined, unreachable, or they hung up
	case <-time.After(3 * time.Second):
		if err := call.Hangup(ctx); err != nil {
			return err
		}
	}
	<-call.Done() // the goodbye is answered, or given up
	o := call.Outcome()
	fmt.Printf("%s, talked %s, %d packets sent, %d received\n",
		o.Disposition, o.Talk.Round(100*time.Millisecond), o.Media.PacketsSent, o.Media.PacketsReceived)
	return nil
}
