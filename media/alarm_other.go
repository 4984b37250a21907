//go:build !(linux && (amd64 || arm64 || arm || riscv64))

package media

import (
	"errors"
	"time"
)

// newKernelAlarm says that the runtime's timers are the best there is here.
func newKernelAlarm(time.Time) (alarm, error) {
	return nil, errors.ErrUnsupported
}
