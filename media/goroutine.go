package media

import (
	"bytes"
	"runtime"
	"strconv"
)

// goroutineID is the number of the calling goroutine, as a stack trace begins
// with it ("goroutine 18 [running]:"). The language hides it for good reason; it
// is read here only when a Ticker is removed or the Pacer closed, to tell a call
// from within a Tick, which would wait for itself for ever. 0: not found.
func goroutineID() uint64 {
	var buf [64]byte
	fields := bytes.Fields(buf[:runtime.Stack(buf[:], false)])
	if len(fields) < 2 {
		return 0
	}
	id, _ := strconv.ParseUint(string(fields[1]), 10, 64)
	return id
}
