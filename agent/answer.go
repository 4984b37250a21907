package agent

import "context"

// answer is what becomes of one directive: accepted, or refused. It is settled
// in the directive's turn, or later when a rule has to get to the disk first.
type answer struct {
	settled chan struct{} // closed when it is; what follows is not changed after
	refused *RefusedError // nil: accepted
	open    bool          // owned by the loop: something is yet to be written
}

func newAnswer() *answer { return &answer{settled: make(chan struct{})} }

func (n *answer) settle(refused *RefusedError) {
	n.refused, n.open = refused, false
	close(n.settled)
}

// to is the answer as the sender of d gets it.
func (n *answer) to(d directive, index int) error {
	if n.refused == nil {
		return nil
	}
	e := *n.refused
	return e.of(d, index)
}

// keep has a rule written beside the loop, which goes on meanwhile: another
// process may hold the lock of the disk for seconds. Writes go one after the
// other, in the order of their directives. The directive is answered when its
// rule is kept; refusal says what its sender gets when it was not.
func (a *Agent) keep(ctx context.Context, n *answer, write func(context.Context) error, refusal func(error) *RefusedError) {
	ctx = context.WithoutCancel(ctx) // who asked may go; a second one with the same messageId wants to know
	before, over := a.written, make(chan struct{})
	a.written, n.open = over, true
	a.writes.Go(func() {
		defer close(over)
		<-before
		err := ErrClosed
		select {
		case <-a.quit:
		default:
			err = write(ctx)
		}
		a.post(func() {
			if err == nil {
				n.settle(nil)
				return
			}
			a.log.Error("a block rule was not kept", "error", err)
			n.settle(refusal(err))
		})
	})
}
