//go:build linux && (amd64 || arm64 || arm || riscv64)

package media

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The time an alarm is set to may come while its waiter is still on the way to
// sleep, and the two clocks that are compared at the start may have been read far
// apart on a machine with much to do: the alarm then goes off early by as much.
func TestKernelAlarm_IsNeverSleptThrough(t *testing.T) {
	for _, early := range []time.Duration{0, 2 * time.Microsecond, 50 * time.Microsecond, 5 * time.Millisecond} {
		t.Run(early.String(), func(t *testing.T) {
			start := time.Now()
			made, err := newKernelAlarm(start)
			require.NoError(t, err)
			a := made.(*fileAlarm)
			defer a.close()
			a.offset -= early
			awake := make(chan struct{})
			go func() {
				for i := range 4000 {
					a.set(time.Since(start) + time.Duration(i%60)*time.Microsecond)
					a.wait()
					awake <- struct{}{}
				}
				close(awake)
			}()
			for i := 0; ; i++ {
				select {
				case _, more := <-awake:
					if !more {
						return
					}
				case <-time.After(10 * time.Second):
					a.stop()
					<-awake
					t.Fatalf("the alarm was slept through in round %d", i)
				}
			}
		})
	}
}
