package offer

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOffer_Golden(t *testing.T) {
	offer, err := local4().Offer()
	require.NoError(t, err)
	golden(t, "ours-ipv4.offer", offer)

	l := local6()
	l.RTCPPort, l.RTCPMux, l.MaxPTime, l.Direction, l.Version = 20000, true, 60*time.Millisecond, SendOnly, 7
	l.EventPayloadType = 0
	offer, err = l.Offer()
	require.NoError(t, err)
	golden(t, "ours-ipv6-hold.offer", offer)
}

func TestOffer_IncompleteLocal(t *testing.T) {
	cases := map[string]func(*Local){
		"Addr":      func(l *Local) { l.Addr = netip.Addr{} },
		"address":   func(l *Local) { l.Addr = netip.IPv4Unspecified() },
		"RTPPort":   func(l *Local) { l.RTPPort = 0 },
		"Codecs":    func(l *Local) { l.Codecs = nil },
		"PTime":     func(l *Local) { l.PTime = 25 * time.Millisecond },
		"MaxPTime":  func(l *Local) { l.MaxPTime = time.Millisecond },
		"Direction": func(l *Local) { l.Direction = 4 },
		"twice":     func(l *Local) { l.Codecs = []Codec{PCMU(), PCMU()} },
		"event":     func(l *Local) { l.EventPayloadType = 8 },
	}
	for word, spoil := range cases {
		l := local4()
		spoil(&l)
		_, err := l.Offer()
		assert.ErrorContains(t, err, word)
		_, _, err = l.Answer(sample(t, "asterisk-invite"))
		assert.ErrorContains(t, err, word)
	}
}

func TestAccept_AnswerOfOurOwn(t *testing.T) {
	caller, callee := local4(), local4()
	callee.Addr, callee.RTPPort, callee.RTCPPort = netip.MustParseAddr("198.51.100.2"), 20000, 20005
	caller.RTCPMux = true
	offer, err := caller.Offer()
	require.NoError(t, err)
	answer, theirs, err := callee.Answer(offer)
	require.NoError(t, err)
	ours, err := caller.Accept(offer, answer)
	require.NoError(t, err)

	assert.Equal(t, ap("198.51.100.2:20000"), ours.Remote)
	assert.Equal(t, ap("198.51.100.1:10000"), theirs.Remote)
	assert.True(t, ours.RTCPMux)
	assert.True(t, theirs.RTCPMux)
	assert.Equal(t, ours.Remote, ours.RemoteRTCP)
	assert.Equal(t, ours.Send, theirs.Send)
	assert.Equal(t, ours.Receive, theirs.Receive)
	assert.EqualValues(t, 101, ours.EventSend)
	assert.EqualValues(t, 101, theirs.EventReceive)

	caller.RTCPMux = false
	offer, err = caller.Offer()
	require.NoError(t, err)
	answer, _, err = callee.Answer(offer)
	require.NoError(t, err)
	ours, err = caller.Accept(offer, answer)
	require.NoError(t, err)
	assert.False(t, ours.RTCPMux)
	assert.Equal(t, ap("198.51.100.2:20005"), ours.RemoteRTCP, "a=rtcp of the answer")
}

func TestAccept_PayloadTypesMayDiffer_RFC3264_6_1(t *testing.T) {
	offer, err := local4().Offer()
	require.NoError(t, err)
	p, err := local4().Accept(offer, []byte(text("m=audio 5000 RTP/AVP 97 110",
		"a=rtpmap:97 pcma/8000", "a=rtpmap:110 telephone-event/8000", "a=ptime:30")))
	require.NoError(t, err)
	assert.Equal(t, pt(PCMA(), 97), p.Send)
	assert.Equal(t, []Codec{PCMA(), PCMU()}, p.Receive, "ours, the agreed one first")
	assert.EqualValues(t, 110, p.EventSend)
	assert.EqualValues(t, 101, p.EventReceive)
	assert.Equal(t, 30*time.Millisecond, p.PTime)
}

func TestAccept_EventsOnlyWhenBothSay(t *testing.T) {
	offer, err := local4().Offer()
	require.NoError(t, err)
	p, err := local4().Accept(offer, []byte(text("m=audio 5000 RTP/AVP 0")))
	require.NoError(t, err)
	assert.Zero(t, p.EventSend)
	assert.Zero(t, p.EventReceive)

	l := local4()
	l.EventPayloadType = 0
	offer, err = l.Offer()
	require.NoError(t, err)
	p, err = l.Accept(offer, []byte(text("m=audio 5000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000")))
	require.NoError(t, err)
	assert.Zero(t, p.EventSend)
}

func TestAccept_UnaskedMuxIsIgnored_RFC5761_5_1_1(t *testing.T) {
	offer, err := local4().Offer()
	require.NoError(t, err)
	p, err := local4().Accept(offer, []byte(text("m=audio 5000 RTP/AVP 0", "a=rtcp-mux")))
	require.NoError(t, err)
	assert.False(t, p.RTCPMux)
	assert.Equal(t, ap("192.0.2.9:5001"), p.RemoteRTCP)
}

func TestAccept_Hold(t *testing.T) {
	cases := []struct {
		ours   Direction
		answer string
		want   Direction
		held   bool
	}{
		{SendRecv, "a=sendrecv", SendRecv, false},
		{SendRecv, "a=recvonly", SendOnly, false},
		{SendRecv, "a=sendonly", RecvOnly, true},
		{SendRecv, "a=inactive", Inactive, true},
		{SendOnly, "a=recvonly", SendOnly, false},
		{SendOnly, "a=sendrecv", SendOnly, false},
		{SendOnly, "a=inactive", Inactive, true},
		{Inactive, "a=inactive", Inactive, false},
		{SendRecv, "c=IN IP4 0.0.0.0", RecvOnly, true},
	}
	for _, c := range cases {
		l := local4()
		l.Direction = c.ours
		offer, err := l.Offer()
		require.NoError(t, err)
		p, err := l.Accept(offer, []byte(text("m=audio 5000 RTP/AVP 0", c.answer)))
		require.NoError(t, err)
		assert.Equal(t, c.want, p.Direction, "%v %s", c.ours, c.answer)
		assert.Equal(t, c.held, p.RemoteHold, "%v %s", c.ours, c.answer)
	}
}

func TestAccept_Refused(t *testing.T) {
	offer, err := local4().Offer()
	require.NoError(t, err)
	for _, answer := range []string{
		"m=audio 0 RTP/AVP 0", "m=audio 5000 RTP/AVP 9", "m=audio 5000 RTP/SAVP 0",
		"m=audio 5000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000",
		"m=audio 5000 RTP/AVP 0\r\nc=IN IP6 2001:db8::9",
	} {
		_, err := local4().Accept(offer, []byte(text(answer)))
		assert.ErrorIs(t, err, ErrNoCommonCodec, answer)
	}
	for _, answer := range []string{text("m=video 5000 RTP/AVP 31"), text(), "", "rubbish"} {
		_, err := local4().Accept(offer, []byte(answer))
		var parse *ParseError
		assert.ErrorAs(t, err, &parse, answer)
	}
	_, err = local4().Accept(nil, offer)
	assert.Error(t, err)
	_, err = local4().Accept([]byte(text("m=video 5000 RTP/AVP 31")), offer)
	assert.ErrorContains(t, err, "our own offer")
}

func TestAccept_MoreLinesThanOffered(t *testing.T) {
	offer, err := local4().Offer()
	require.NoError(t, err)
	p, err := local4().Accept(offer, []byte(text("m=audio 5000 RTP/AVP 0", "m=video 0 RTP/AVP 31")))
	require.NoError(t, err)
	assert.Equal(t, ap("192.0.2.9:5000"), p.Remote)
}

func TestKeep_PayloadTypesLastForTheCall_RFC3264_8_3_2(t *testing.T) {
	l := local4()
	_, p, err := l.Answer(sample(t, "dynamic-types-nat"))
	require.NoError(t, err)
	kept := l.Keep(p)
	assert.EqualValues(t, 98, kept.EventPayloadType)
	assert.Equal(t, []Codec{PCMU(), pt(PCMA(), 97)}, kept.Codecs)
	assert.Equal(t, []Codec{PCMU(), PCMA()}, l.Codecs, "the original is left alone")
	_, err = kept.Offer()
	assert.NoError(t, err)
}
