package phone

import (
	"context"
	"fmt"

	"github.com/softphone-go/softphone/dialer"
)

// Transfer hands the other side of a call to target, which is written as for
// Dial, and returns once target has taken the call: see dialer.Call.Transfer.
func (p *Phone) Transfer(ctx context.Context, c *dialer.Call, target string) error {
	acc, _ := p.account(c.Info().AccountID)
	uri, err := Target(target, acc.sip)
	if err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	return c.Transfer(ctx, uri)
}

// Lines returns the calls that are answered, oldest first.
func (p *Phone) Lines() []*dialer.Call { return p.dialer.Lines() }

// Switch makes c the line that is spoken on and holds the others: see
// dialer.Dialer.Switch.
func (p *Phone) Switch(ctx context.Context, c *dialer.Call) error { return p.dialer.Switch(ctx, c) }

// mayTransfer decides on the other side's wish that we call somebody else.
func (p *Phone) mayTransfer(dialer.TransferRequest) bool { return p.cfg.File.Phone.AcceptTransfers }
