package dialer

import "fmt"

// watchSound has the call end when nothing is heard any more: Config.MediaTimeout,
// counted from the answer on. The session looks, at each tick.
func (c *Call) watchSound() { c.leg.listenFor(c.d.cfg.MediaTimeout) }

// What is said of a call without sound: to the user, and to the other side in the
// Reason of our BYE (RFC 3326, with the SIP code for a time that ran out).
const (
	mediaTimeout       = "media timeout"
	mediaTimeoutReason = `SIP;cause=408;text="Media Timeout"`
)

// soundGone hangs up, unless silence has been agreed on meanwhile: the session
// then counts anew by itself once it is over.
func (c *Call) soundGone() {
	p := c.leg.params
	if c.state != Established || c.follow != nil || !p.Direction.Receives() || p.RemoteHold {
		return
	}
	c.blame(MediaFailed, Network, 0, mediaTimeout, fmt.Errorf("%w: %s after %s", ErrMedia, mediaTimeout, c.d.cfg.MediaTimeout))
	c.step(InputMediaFailed)
}
