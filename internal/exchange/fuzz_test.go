package exchange

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/assert"
)

// FuzzAnswerSDP: whatever is offered, an answer is either refused or readable
// and has the offer's number of media lines (RFC 3264 §6).
func FuzzAnswerSDP(f *testing.F) {
	good := sdpFor(netip.MustParseAddr("10.0.0.1"), 4000, "sendrecv")
	for _, seed := range []string{good, "", "rubbish", good + "m=video 0 RTP/AVP 96\r\n", strings.ReplaceAll(good, "10.0.0.1", "0.0.0.0"),
		strings.Replace(good, "a=ptime:20", "a=ptime:-1\r\na=rtcp:\r\na=rtpmap:", 1), strings.Replace(good, "4000", "65535", 1),
		strings.Replace(good, "RTP/AVP 0 8 101", "RTP/AVP", 1), strings.Replace(good, "IP4 10.0.0.1", "IP6 ::1", 2)} {
		f.Add([]byte(seed))
	}
	local := netip.MustParseAddrPort("127.0.0.1:4100")
	f.Fuzz(func(t *testing.T, offer []byte) {
		answer, terms, err := answerSDP(offer, local, 1)
		describeDirection(offer)
		if err != nil {
			return
		}
		assert.Positive(t, terms.ptime)
		if s, _, err := parseAudio(answer); err == nil {
			o, _, _ := parseAudio(offer)
			assert.Len(t, s.MediaDescriptions, len(o.MediaDescriptions))
		}
	})
}

// FuzzNonce: only sealed nonces have an age.
func FuzzNonce(f *testing.F) {
	var a authenticator
	a.init(&Config{})
	for _, seed := range []string{"", ".", "0.", "ffffffffffffffff.00", "-1.x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, nonce string) {
		if _, sealed := a.age(nonce); sealed {
			t.Fatalf("%q was never given out", nonce)
		}
	})
}

// FuzzTake: no RTP packet, telephone-event or not, upsets an endpoint.
func FuzzTake(f *testing.F) {
	for _, seed := range [][]byte{{}, {5, 10, 0, 160}, {5, 0x8a, 255, 255}, {255, 255, 255, 255}} {
		f.Add(uint8(101), uint32(8), seed)
	}
	f.Fuzz(func(t *testing.T, pt uint8, ts uint32, payload []byte) {
		p := &endpoint{settled: true, terms: terms{eventPT: 101}}
		src := netip.MustParseAddrPort("127.0.0.1:4000")
		p.take(&rtp.Packet{Header: rtp.Header{PayloadType: pt & 127, Timestamp: ts}, Payload: payload}, src)
		p.take(&rtp.Packet{Header: rtp.Header{PayloadType: 101, Timestamp: ts + 1}, Payload: payload}, src)
	})
}
