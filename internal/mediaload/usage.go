//go:build linux

package mediaload

import (
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is what the system has counted of this process.
type usage struct {
	at        time.Time
	user, all time.Duration
	waits     int64
}

func used() (usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return usage{}, err
	}
	user := time.Duration(r.Utime.Nano())
	return usage{time.Now(), user, user + time.Duration(r.Stime.Nano()), int64(r.Nvcsw)}, nil //nolint:unconvert // int32 on 32-bit machines
}

// memory is what this process holds, in octets.
type memory struct{ heap, stack, resident int64 }

func held() (memory, error) {
	runtime.GC()
	runtime.GC() // what the first one left to finalizers
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
	}
	metrics.Read(samples)
	size := func(i int) int64 { return int64(samples[i].Value.Uint64()) }
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return memory{}, err
	}
	resident := 0
	if _, rest, ok := strings.Cut(string(status), "VmRSS:"); ok {
		resident, err = strconv.Atoi(strings.Fields(rest)[0])
	}
	return memory{size(0) + size(1), size(2), int64(resident) << 10}, err
}
