package pcap

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/softphone-go/softphone/media/replay"
)

// Choose picks what one listener got: the packets of an SSRC, of all SSRC that
// came to a port, or of the only stream there is. Nil and 0 leave the choice
// open. An error lists what there is.
func Choose(streams []Stream, ssrc *uint32, port uint16) ([]replay.Captured, error) {
	left := slices.DeleteFunc(slices.Clone(streams), func(s Stream) bool {
		return ssrc != nil && s.SSRC != *ssrc || port != 0 && s.To.Port() != port
	})
	switch {
	case len(left) == 0:
		return nil, fmt.Errorf("no such stream in the capture; it holds %s", list(streams))
	case len(left) > 1 && !oneListener(left, port):
		return nil, fmt.Errorf("the capture holds several streams; choose one by its SSRC or the port it goes to: %s", list(left))
	}
	var packets []replay.Captured
	for _, s := range left {
		packets = append(packets, s.Packets...)
	}
	slices.SortStableFunc(packets, func(a, b replay.Captured) int { return cmp.Compare(a.At, b.At) })
	return packets, nil
}

// oneListener tells whether streams of several SSRC go to the same place, which
// was named.
func oneListener(streams []Stream, port uint16) bool {
	return port != 0 && !slices.ContainsFunc(streams, func(s Stream) bool { return s.To != streams[0].To })
}

func list(streams []Stream) string {
	const most = 4
	var names []string
	for _, s := range streams[:min(len(streams), most)] {
		names = append(names, s.String())
	}
	if more := len(streams) - most; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, "; ")
}
