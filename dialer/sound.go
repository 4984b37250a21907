package dialer

import "time"

// soundCheck is how often an answered call looks whether anything arrives.
const soundCheck = time.Second

// hearing is what the last look found.
type hearing struct {
	packets uint64
	since   time.Time // when something last arrived, or was not to be expected
}

// watchSound starts looking whether anything is heard: Config.MediaTimeout.
func (c *Call) watchSound() {
	if c.d.cfg.MediaTimeout <= 0 {
		return
	}
	c.hearing.since = time.Now()
	c.timers.sound.start(soundCheck, c.mail, c.checkSound)
}

// checkSound hangs up when nothing has been heard for too long. On hold, or
// where they only listen, silence is what was agreed.
func (c *Call) checkSound() {
	if c.state != Established {
		return
	}
	now, packets := time.Now(), c.Stats().PacketsReceived
	quiet := c.leg.applied && (!c.leg.params.Direction.Receives() || c.info.Held || c.info.RemoteHeld)
	if quiet || packets != c.hearing.packets {
		c.hearing = hearing{packets: packets, since: now}
	}
	if now.Sub(c.hearing.since) >= c.d.cfg.MediaTimeout {
		c.blame(MediaFailed, Network, 0, "no sound arrives any more", ErrMedia)
		c.step(InputMediaFailed)
		return
	}
	c.timers.sound.start(soundCheck, c.mail, c.checkSound)
}
