package dialer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// What ends the call has still something to say to who asked for it: Answer why
// there was no sound, Reject that it was done.
func TestAsk_ReplyOfWhatEndsTheCall(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.a.dial(w.b)
		in := w.b.arrived()
		said := errors.New("no port")
		err := in.ask(context.Background(), func(reply func(error)) {
			in.hangup(486)
			synctest.Wait() // who asked has seen the end by now
			reply(said)
		})
		require.ErrorIs(t, err, said)
	})
}
