//go:build linux && (amd64 || arm64 || arm || riscv64)

package media

import (
	"fmt"
	"math"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// fileAlarm waits by a timerfd(2) in the runtime's network poller.
//
// A timer of the runtime wakes two threads, the one that polls and the monitor,
// and the kernel may round it by its slack of 50 µs. A timer that is a file
// wakes the one that polls, and is exact.
type fileAlarm struct {
	file   *os.File
	raw    syscall.RawConn
	fd     uintptr
	start  time.Time
	offset time.Duration // of start on the system's monotonic clock
	armed  atomic.Int64  // time.Duration; 0: not
	spec   itimerspec    // here, since the system must not be given a stack that moves
	count  uint64        // how often the timer went off; here for the same reason

	gone  func(fd uintptr) bool // goneOff, made once: what is handed to the poller escapes
	asked bool                  // goneOff has been called in this wait
}

// itimerspec is what timerfd_settime(2) takes.
type itimerspec struct{ interval, value syscall.Timespec }

const (
	clockMonotonic = 1
	timerAbsolute  = 1 // TFD_TIMER_ABSTIME
	timerFlags     = syscall.O_NONBLOCK | syscall.O_CLOEXEC

	// askWithin is how much too early an alarm may be without being missed. It is
	// not early by design (see clockOffset).
	askWithin = time.Millisecond
)

// newKernelAlarm returns an alarm by the system's timer.
func newKernelAlarm(start time.Time) (alarm, error) {
	offset, err := clockOffset(start)
	if err != nil {
		return nil, err
	}
	fd, _, errno := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, clockMonotonic, timerFlags, 0)
	if errno != 0 {
		return nil, fmt.Errorf("media: timerfd_create: %w", errno)
	}
	f := os.NewFile(fd, "timerfd")
	raw, err := f.SyscallConn()
	if err == nil {
		err = f.SetReadDeadline(time.Time{}) // refused by a file that cannot be polled
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("media: timerfd: %w", err)
	}
	a := &fileAlarm{file: f, raw: raw, fd: fd, start: start, offset: offset}
	a.gone = a.goneOff
	return a, nil
}

// clockOffset is what start is on the system's monotonic clock, or a little later:
// a timer set by it does not go off early. Of several readings the one least
// interrupted counts.
func clockOffset(start time.Time) (least time.Duration, err error) {
	least = math.MaxInt64
	for range 5 {
		var now syscall.Timespec
		since := time.Since(start)
		if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0); errno != 0 {
			return 0, fmt.Errorf("media: clock_gettime: %w", errno)
		}
		least = min(least, time.Duration(now.Nano())-since)
	}
	return least, nil
}

func (a *fileAlarm) wait() {
	a.asked = false
	_ = a.raw.Read(a.gone)
	a.armed.Store(0) // so that it is set again, even to the same time
}

// goneOff is called by the poller once before it waits, and again when the timer
// has gone off. What went off before is forgotten by the poller, so when that is
// possible the timer is asked: to compare clocks would miss one that was early.
// After the wait it need not be read; to set it again is enough.
func (a *fileAlarm) goneOff(fd uintptr) bool {
	if a.asked {
		return true
	}
	a.asked = true
	ahead := time.Duration(a.armed.Load()) - time.Since(a.start)
	return ahead < askWithin && a.expired(fd)
}

// expired says whether the timer went off since it was set.
func (a *fileAlarm) expired(fd uintptr) bool {
	n, _, _ := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&a.count)), unsafe.Sizeof(a.count))
	return n == unsafe.Sizeof(a.count)
}

func (a *fileAlarm) set(at time.Duration) {
	at = max(1, at)
	if time.Duration(a.armed.Swap(int64(at))) != at {
		a.settime(int64(a.offset + at))
	}
}

func (a *fileAlarm) off() {
	if a.armed.Swap(0) != 0 {
		a.settime(0)
	}
}

func (a *fileAlarm) settime(nanoseconds int64) {
	a.spec.value = syscall.NsecToTimespec(nanoseconds)
	// It can fail only for arguments that are none.
	_, _, _ = syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, a.fd, timerAbsolute, uintptr(unsafe.Pointer(&a.spec)), 0, 0, 0)
}

func (a *fileAlarm) stop()  { _ = a.file.SetReadDeadline(time.Unix(1, 0)) }
func (a *fileAlarm) close() { _ = a.file.Close() }
