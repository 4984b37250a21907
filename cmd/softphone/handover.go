package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/phone"
)

// handover is what --transfer and its kin ask for.
type handover struct {
	to       string
	after    time.Duration
	attended bool
}

func (h *handover) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&h.to, "transfer", "", "hand the other side on to `TARGET` once answered, and leave when TARGET has taken the call")
	fs.DurationVar(&h.after, "transfer-after", 0, "`TIME` from the answer to the transfer")
	fs.BoolVar(&h.attended, "attended", false, "hold the call and talk to the target of --transfer first: it is handed on when the target has answered")
}

func (h *handover) check() error {
	if h.to == "" && (h.attended || h.after != 0) {
		return usagef("--attended and --transfer-after say how to transfer; give --transfer TARGET too")
	}
	return notNegative(times{"--transfer-after": h.after})
}

// run hands c on and returns once that is done, failed, or the call is over. A
// transfer that failed ends the call: there is nobody to talk to it.
func (h *handover) run(ctx context.Context, s *session, c *dialer.Call) error {
	if h.to == "" || !h.wait(ctx, c) {
		return nil
	}
	err := h.transfer(ctx, s, c)
	if ctx.Err() != nil { // interrupted: that is no failure of the transfer
		err = nil
	}
	if err == nil {
		return nil
	}
	_ = c.Hangup(context.WithoutCancel(ctx))
	return &exitError{exitCode(err), fmt.Errorf("the call could not be handed on to %s: %w", h.to, err)}
}

// wait lets --transfer-after pass; false when the call is over first.
func (h *handover) wait(ctx context.Context, c *dialer.Call) bool {
	t := time.NewTimer(h.after)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.Done():
	case <-ctx.Done():
	}
	return false
}

func (h *handover) transfer(ctx context.Context, s *session, c *dialer.Call) error {
	if !h.attended {
		return s.Transfer(ctx, c, h.to)
	}
	if err := c.Hold(ctx); err != nil {
		return err
	}
	second, err := s.Dial(ctx, h.to, phone.DialOptions{})
	if err != nil {
		return err
	}
	if !waitAnswered(ctx, second) {
		_ = second.Hangup(context.WithoutCancel(ctx))
		<-second.Done()
		if o := second.Outcome(); o.Err != nil {
			return o.Err
		}
		return errors.New("it was not answered")
	}
	if err := c.TransferTo(ctx, second); err != nil {
		_ = second.Hangup(context.WithoutCancel(ctx))
		return err
	}
	return nil
}
