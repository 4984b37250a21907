package main

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/store"
)

// driver does with an answered call what the flags say.
type driver struct {
	dtmf     string
	played   audio.Source  // the call is over when this has been played; nil: it does not matter
	duration time.Duration // the call is over after; 0: no bound
	tail     time.Duration // how long to listen on after the last thing to do
	stay     bool          // somebody else ends the call, whatever has been done
}

// drive hangs up when all is done, and returns when the call is over. A driver
// with nothing to do stays until the other side hangs up or ctx ends.
func (d driver) drive(ctx context.Context, c *dialer.Call) {
	live, cancel := context.WithCancel(ctx)
	defer cancel()
	if d.duration > 0 {
		live, cancel = context.WithTimeout(live, d.duration)
		defer cancel()
	}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-c.Done():
			cancel()
		case <-live.Done():
		}
	}()
	err := press(live, c, d.dtmf)
	finite, ends := d.played.(audio.Finite)
	if d.duration == 0 && !d.stay && err == nil && (ends || d.dtmf != "") {
		for ends && !finite.Done() && sleep(live, 20*time.Millisecond) {
		}
		sleep(live, d.tail)
	} else {
		<-live.Done()
	}
	_ = c.Hangup(context.WithoutCancel(ctx))
	<-c.Done()
	cancel()
	<-watched
}

// press presses digits, with a second of silence for each comma.
func press(ctx context.Context, c *dialer.Call, digits string) error {
	if digits == "" {
		return nil
	}
	if !sleep(ctx, 500*time.Millisecond) { // the far side may still be opening its ears
		return ctx.Err()
	}
	for i, group := range strings.Split(digits, ",") {
		if i > 0 && !sleep(ctx, time.Second) {
			return ctx.Err()
		}
		if group == "" {
			continue
		}
		if err := c.SendDigits(ctx, group); err != nil {
			return err
		}
		for c.DigitsPending() {
			if !sleep(ctx, 20*time.Millisecond) {
				return ctx.Err()
			}
		}
	}
	return nil
}

// checkDigits checks what --dtmf may hold.
func checkDigits(digits string) error {
	for i, r := range strings.ToUpper(digits) {
		if !strings.ContainsRune("0123456789*#ABCD,", r) {
			return usagef("--dtmf %q: %q cannot be pressed; there are 0-9, *, #, A-D, and a comma to wait a second",
				digits, digits[i:i+1])
		}
	}
	return nil
}

// collectDigit adds the digit of a call.dtmf event.
func collectDigit(to *strings.Builder, ev store.Event) {
	if ev.Type != phone.TypeDigit {
		return
	}
	var e phone.CallEvent
	if json.Unmarshal(ev.Data, &e) == nil {
		to.WriteString(e.Digit)
	}
}

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
