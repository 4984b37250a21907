package dialer

import (
	"context"
	"time"

	"github.com/softphone-go/softphone/media/audio"
)

// HangupAfterDrain hangs up once what is to be sent has been sent: a Source
// that ends (audio.Finite) to its end, and all digits. A Source without end is
// not waited for, nor is one that nobody hears because the call is not answered
// yet. When ctx ends first the call goes on and ctx's error is returned.
func (c *Call) HangupAfterDrain(ctx context.Context) error {
	tick := time.NewTicker(audio.FrameTime)
	defer tick.Stop()
	// The packet with the last frame leaves when it is full; one more packet
	// time is enough for that.
	rest := int(c.d.cfg.PTime/audio.FrameTime) + 1
	for rest > 0 {
		select {
		case <-c.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if !c.sounding() {
			rest--
		}
	}
	return c.Hangup(ctx)
}

// sounding says whether something that ends is still being sent.
func (c *Call) sounding() bool {
	if c.DigitsPending() {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.info.State != Established || c.playing == nil {
		return false
	}
	return !c.playing.Done()
}
