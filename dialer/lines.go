package dialer

import (
	"context"
	"errors"
	"fmt"
)

// Several calls at once are several lines, of which one is spoken on. A call that
// rings while another one is up (call waiting) is told by EventIncoming like any;
// Config.Busy and Config.MaxCalls say whether it comes that far.

// Lines returns the calls that are answered, oldest first.
func (d *Dialer) Lines() []*Call {
	var lines []*Call
	for _, c := range d.Calls() {
		if c.State() == Established {
			lines = append(lines, c)
		}
	}
	return lines
}

// Switch makes to the line that is spoken on: all other answered calls are put on
// hold first, then to is resumed if we held it. When one cannot be held, to stays
// as it was, so that nobody overhears anything, and the error says which.
func (d *Dialer) Switch(ctx context.Context, to *Call) error {
	if to.State() != Established {
		return fmt.Errorf("%w: switch to a call while %s", ErrState, to.State())
	}
	for _, c := range d.Lines() {
		if c == to || c.Info().Held {
			continue
		}
		if err := c.Hold(ctx); err != nil && !errors.Is(err, ErrEnded) {
			return fmt.Errorf("dialer: the line of %s: %w", c.ID(), err)
		}
	}
	if !to.Info().Held {
		return nil
	}
	return to.Unhold(ctx)
}
