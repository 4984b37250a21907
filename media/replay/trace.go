package replay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bounds on what a trace may hold, so that a broken file cannot ask for endless
// work.
const (
	maxPackets = 1_000_000
	maxTime    = 6 * time.Hour
)

// ErrEmptyTrace is returned for a trace without a packet.
var ErrEmptyTrace = errors.New("the trace holds no packet: each line needs seq send_ms arrive_ms")

// Packet is one line of a trace: one packet with 20 ms of sound.
type Packet struct {
	SequenceNumber int
	Sent           time.Duration
	Arrived        time.Duration // meaningless when Lost
	Lost           bool
}

// Trace is what happened to a stream of packets, in the order of the file.
type Trace []Packet

// ParseTrace reads a trace: lines of "seq send_ms arrive_ms" with times in
// milliseconds, arrive_ms below 0 for a lost packet. Empty lines and lines that
// begin with # are passed over. An error names the line.
func ParseTrace(r io.Reader) (Trace, error) {
	var trace Trace
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		if len(trace) == maxPackets {
			return nil, fmt.Errorf("the trace has more than %d packets: cut it", maxPackets)
		}
		packet, err := parseLine(text)
		if err != nil {
			return nil, fmt.Errorf("line %d of the trace: %w", number, err)
		}
		trace = append(trace, packet)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("the trace cannot be read after %d packets: %w", len(trace), err)
	}
	if len(trace) == 0 {
		return nil, ErrEmptyTrace
	}
	return trace, nil
}

func parseLine(text string) (Packet, error) {
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return Packet{}, fmt.Errorf("%d columns where seq send_ms arrive_ms are expected", len(fields))
	}
	seq, err := strconv.Atoi(fields[0])
	if err != nil || seq < 0 || seq > math.MaxInt32 {
		return Packet{}, fmt.Errorf("sequence number %q is no number from 0 to %d", fields[0], math.MaxInt32)
	}
	sent, err := parseMS(fields[1])
	if err != nil || sent < 0 {
		return Packet{}, fmt.Errorf("send time %q is no number of milliseconds from 0 to %d", fields[1], maxTime.Milliseconds())
	}
	arrived, err := parseMS(fields[2])
	if err != nil {
		return Packet{}, fmt.Errorf("arrival time %q is no number of milliseconds up to %d, nor -1", fields[2], maxTime.Milliseconds())
	}
	return Packet{SequenceNumber: seq, Sent: sent, Arrived: max(arrived, 0), Lost: arrived < 0}, nil
}

func parseMS(text string) (time.Duration, error) {
	ms, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, err
	}
	if limit := float64(maxTime.Milliseconds()); !(ms >= -limit && ms <= limit) {
		return 0, strconv.ErrRange
	}
	return time.Duration(math.Round(ms * float64(time.Millisecond))), nil
}
