//go:build linux

package mediaload

import (
	"errors"
	"fmt"
	"time"
)

const (
	warmUp = 3 * time.Second
	settle = 500 * time.Millisecond // for what is under way at the end
)

// carrier is one way to carry calls.
type carrier interface {
	add(rtp, rtcp uint16) error
	silence() error // sends no more
	count(*Result)  // fills in packets and ticks
	close() error
}

// Run carries so many calls to the far end, one for each of its ports, for so
// long, and measures this process.
func Run(kind string, remote Remote, d time.Duration) (Result, error) {
	r := Result{Kind: kind, Calls: len(remote.RTP)}
	c, err := newCarrier(kind)
	if err != nil {
		return r, err
	}
	err = measure(c, remote, d, &r)
	return r, errors.Join(err, c.close())
}

func newCarrier(kind string) (carrier, error) {
	switch kind {
	case Ours, Readers, GoTimer, Before:
		return newSessions(kind)
	case Bare:
		return newBareLoop(), nil
	default:
		return nil, fmt.Errorf("mediaload: no way %q to carry calls; there are %q", kind, Kinds())
	}
}

func measure(c carrier, remote Remote, d time.Duration, r *Result) error {
	empty, err := held()
	if err != nil {
		return err
	}
	for _, port := range remote.RTP {
		if err := c.add(port, remote.RTCP); err != nil {
			return err
		}
		// Calls begin at any time, not all in one tick; 7 is prime to 20.
		time.Sleep(700 * time.Microsecond)
	}
	time.Sleep(min(warmUp, 5*d))
	full, err := held()
	if err != nil {
		return err
	}
	calls := int64(max(1, r.Calls))
	r.Heap = (full.heap - empty.heap) / calls
	r.Stack = (full.stack - empty.stack) / calls
	r.Resident = (full.resident - empty.resident) / calls
	from, err := used()
	if err != nil {
		return err
	}
	time.Sleep(d)
	to, err := used()
	if err != nil {
		return err
	}
	r.For, r.CPU, r.User, r.Switches = to.at.Sub(from.at), to.all-from.all, to.user-from.user, to.waits-from.waits
	if err := c.silence(); err != nil {
		return err
	}
	time.Sleep(settle)
	c.count(r)
	return nil
}
