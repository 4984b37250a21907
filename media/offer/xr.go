package offer

import (
	"strings"

	"github.com/pion/sdp/v3"
)

// XR is the extended reports (RFC 3611) that one side asks the other for, in
// a=rtcp-xr. The zero value asks for none.
type XR struct {
	VoIPMetrics bool // blocks with VoIP metrics, on what that side sends (§4.7)
	ReceiverRTT bool // reference times, by which receivers too learn the round trip (§4.4)
}

const (
	xrAttribute = "rtcp-xr"
	xrMetrics   = "voip-metrics"
	xrRoundTrip = "rcvr-rtt"
)

// String is the attribute's value (RFC 3611 §5.1), "" for none. Round trips are
// asked for from all, whether they send media or not.
func (x XR) String() string {
	var formats []string
	if x.ReceiverRTT {
		formats = append(formats, xrRoundTrip+"=all")
	}
	if x.VoIPMetrics {
		formats = append(formats, xrMetrics)
	}
	return strings.Join(formats, " ")
}

// answering is what to ask for in an answer: nothing of a peer that did not bring
// up the matter.
func (x XR) answering(theirs XR) XR {
	if theirs == (XR{}) {
		return XR{}
	}
	return x
}

// write adds the attribute to a stream of ours.
func (x XR) write(m *sdp.MediaDescription) {
	if text := x.String(); text != "" {
		m.Attributes = append(m.Attributes, sdp.NewAttribute(xrAttribute, text))
	}
}

// xr reads what the peer asks for: of the stream, else of the session. Formats
// not known are stepped over (RFC 3611 §5.1).
func (d *description) xr(s *stream) (x XR) {
	value, _, ok := s.attribute(xrAttribute)
	if !ok {
		value, _, _ = findAttribute(d.attrs, xrAttribute)
	}
	for _, format := range strings.Fields(value) {
		name, mode, _ := strings.Cut(format, "=")
		switch strings.ToLower(name) {
		case xrMetrics:
			x.VoIPMetrics = true
		case xrRoundTrip:
			mode, _, _ = strings.Cut(mode, ":") // a bound on the size of DLRR blocks: ours have one item
			x.ReceiverRTT = strings.EqualFold(mode, "all") || strings.EqualFold(mode, "sender")
		}
	}
	return x
}
