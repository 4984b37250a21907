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
	for _, early := range []time.Duration{0, 2 * time.Microsecond, 50 * time.Microsecond, 500 * time.Microsecond} {
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

// What it costs to set the alarm and to be told that it has gone off.
func BenchmarkKernelAlarm(b *testing.B) {
	start := time.Now()
	a, err := newKernelAlarm(start)
	require.NoError(b, err)
	defer a.close()
	b.ReportAllocs()
	for b.Loop() {
		a.set(time.Since(start))
		a.wait()
	}
}

func TestKernelAlarm_AllocatesNothing(t *testing.T) {
	start := time.Now()
	a, err := newKernelAlarm(start)
	require.NoError(t, err)
	defer a.close()
	n := testing.AllocsPerRun(200, func() {
		a.set(time.Since(start))
		a.wait()
		a.set(time.Since(start) + 2*askWithin)
		a.wait()
	})
	require.Zero(t, n)
}
