package replay

import (
	"bufio"
	"fmt"
	"io"
)

// Write writes a trace as ParseTrace reads it, times to the microsecond.
func (t Trace) Write(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, p := range t {
		if p.Lost {
			fmt.Fprintf(out, "%d %.3f -1\n", p.SequenceNumber, ms(p.Sent))
			continue
		}
		fmt.Fprintf(out, "%d %.3f %.3f\n", p.SequenceNumber, ms(p.Sent), ms(p.Arrived))
	}
	return out.Flush()
}
