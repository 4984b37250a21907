package offer

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/sdp/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

const samples = "../../testdata/sdp"

func local4() Local {
	return Local{
		Addr: netip.MustParseAddr("198.51.100.1"), RTPPort: 10000, RTCPPort: 10001,
		SessionID: 42, Version: 1, Codecs: []Codec{PCMU(), PCMA()}, EventPayloadType: 101,
		PTime: 20 * time.Millisecond, Direction: SendRecv,
	}
}

func local6() Local {
	l := local4()
	l.Addr = netip.MustParseAddr("2001:db8::1")
	return l
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(samples, name+".sdp"))
	require.NoError(t, err)
	return body
}

// golden compares with testdata/sdp/NAME, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join(samples, name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update to write it")
	assert.Equal(t, string(want), string(got))
}

func pt(c Codec, payloadType uint8) Codec {
	c.PayloadType = payloadType
	return c
}

var ap = netip.MustParseAddrPort

func TestAnswer_RealOffers_RFC3264_6(t *testing.T) {
	const ms = time.Millisecond
	cases := map[string]Params{
		"asterisk-invite": {
			Remote: ap("192.0.2.10:16230"), RemoteRTCP: ap("192.0.2.10:16231"),
			Send: PCMU(), Receive: []Codec{PCMU(), PCMA()}, EventSend: 101, EventReceive: 101,
			PTime: 20 * ms, Direction: SendRecv,
		},
		"asterisk-g722-first": {
			Remote: ap("192.0.2.10:16232"), RemoteRTCP: ap("192.0.2.10:16232"), RTCPMux: true,
			Send: PCMA(), Receive: []Codec{PCMA(), PCMU()}, EventSend: 101, EventReceive: 101,
			PTime: 20 * ms, Direction: SendRecv,
		},
		"pjsua-invite": {
			Remote: ap("192.0.2.20:4000"), RemoteRTCP: ap("192.0.2.20:4000"), RTCPMux: true,
			Send: PCMU(), Receive: []Codec{PCMU(), PCMA()}, EventSend: 121, EventReceive: 121,
			PTime: 20 * ms, Direction: SendRecv,
		},
		"baresip-invite": {
			Remote: ap("192.0.2.30:20210"), RemoteRTCP: ap("192.0.2.30:20211"),
			Send: PCMU(), Receive: []Codec{PCMU(), PCMA()}, EventSend: 101, EventReceive: 101,
			PTime: 20 * ms, Direction: SendRecv,
		},
		"linphone-avpf": {
			Remote: ap("203.0.113.40:7078"), RemoteRTCP: ap("203.0.113.40:56078"), XR: XR{VoIPMetrics: true, ReceiverRTT: true},
			Send: PCMU(), Receive: []Codec{PCMU(), PCMA()}, EventSend: 100, EventReceive: 100,
			PTime: 20 * ms, Direction: SendRecv,
		},
		"cisco-7960": {
			Remote: ap("192.0.2.50:28170"), RemoteRTCP: ap("192.0.2.50:28171"),
			Send: PCMU(), Receive: []Codec{PCMU(), PCMA()}, EventSend: 102, EventReceive: 102,
			PTime: 30 * ms, Direction: SendRecv,
		},
		"cisco-ucm-static": {
			Remote: ap("192.0.2.51:23454"), RemoteRTCP: ap("192.0.2.51:23455"),
			Send: PCMU(), Receive: []Codec{PCMU()}, PTime: 20 * ms, Direction: SendRecv,
		},
		"cisco-hold": {
			Send: PCMU(), Receive: []Codec{PCMU(), PCMA()}, EventSend: 102, EventReceive: 102,
			PTime: 20 * ms, Direction: RecvOnly, RemoteHold: true,
		},
		"hold-session-level": {
			Remote: ap("192.0.2.60:5004"), RemoteRTCP: ap("192.0.2.60:5005"),
			Send: PCMU(), Receive: []Codec{PCMU()}, EventSend: 96, EventReceive: 96,
			PTime: 20 * ms, Direction: RecvOnly, RemoteHold: true,
		},
		"inactive-media-level": {
			Remote: ap("192.0.2.60:5004"), RemoteRTCP: ap("192.0.2.60:5005"),
			Send: PCMU(), Receive: []Codec{PCMU()}, PTime: 20 * ms, Direction: Inactive, RemoteHold: true,
		},
		"firefox-plain-after-gateway": {
			Remote: ap("198.51.100.9:31234"), RemoteRTCP: ap("198.51.100.9:31234"), RTCPMux: true,
			Send: PCMU(), Receive: []Codec{PCMU(), PCMA()}, EventSend: 101, EventReceive: 101,
			PTime: 20 * ms, Direction: SendRecv,
		},
		"fax-and-audio": {
			Remote: ap("192.0.2.70:49002"), RemoteRTCP: ap("192.0.2.70:49003"),
			Send: PCMA(), Receive: []Codec{PCMA(), PCMU()}, PTime: 20 * ms, Direction: SendRecv,
		},
		"savp-and-avp": {
			Remote: ap("192.0.2.80:50002"), RemoteRTCP: ap("192.0.2.80:50003"),
			Send: PCMA(), Receive: []Codec{PCMA(), PCMU()}, EventSend: 101, EventReceive: 101,
			PTime: 20 * ms, Direction: SendRecv,
		},
		"two-audio-first-disabled": {
			Remote: ap("192.0.2.90:6000"), RemoteRTCP: ap("192.0.2.90:6001"),
			Send:    pt(PCMU(), 97),
			Receive: []Codec{pt(PCMU(), 97)},
			PTime:   20 * ms, Direction: SendRecv,
		},
		"dynamic-types-nat": {
			Remote: ap("192.0.2.91:7000"), RemoteRTCP: ap("192.0.2.92:7777"),
			Send: pt(PCMA(), 97), Receive: []Codec{pt(PCMA(), 97)}, EventSend: 98, EventReceive: 98,
			PTime: 10 * ms, Direction: SendOnly,
		},
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			answer, p, err := local4().Answer(sample(t, name))
			require.NoError(t, err)
			assert.Equal(t, want, p)
			golden(t, name+".answer", answer)

			again, _, err := local4().Answer(sample(t, name))
			require.NoError(t, err)
			assert.Equal(t, string(answer), string(again), "not deterministic")
		})
	}
}

func TestAnswer_IPv6(t *testing.T) {
	answer, p, err := local6().Answer(sample(t, "ipv6"))
	require.NoError(t, err)
	assert.Equal(t, ap("[2001:db8::5]:49170"), p.Remote)
	assert.Equal(t, ap("[2001:db8::5]:49171"), p.RemoteRTCP)
	assert.Equal(t, PCMA(), p.Send)
	assert.Equal(t, 40*time.Millisecond, p.PTime)
	golden(t, "ipv6.answer", answer)

	answer, p, err = local6().Answer(sample(t, "hold-ipv6-unspecified"))
	require.NoError(t, err)
	assert.False(t, p.Remote.IsValid())
	assert.False(t, p.RemoteRTCP.IsValid())
	assert.True(t, p.RemoteHold)
	assert.Equal(t, RecvOnly, p.Direction)
	golden(t, "hold-ipv6-unspecified.answer", answer)
}

func TestAnswer_NothingInCommonIs488_RFC3261_13_3_1_3(t *testing.T) {
	cases := map[string]string{
		"no-common-codec": "this side has PCMU, PCMA",
		"video-only":      "has no audio",
		"savp-only":       "RTP/SAVP",
		"chrome":          "UDP/TLS/RTP/SAVPF",
		"ipv6":            "this side has only 198.51.100.1",
	}
	for name, reason := range cases {
		t.Run(name, func(t *testing.T) {
			answer, p, err := local4().Answer(sample(t, name))
			require.ErrorIs(t, err, ErrNoCommonCodec)
			assert.ErrorContains(t, err, reason)
			assert.Nil(t, answer)
			assert.Equal(t, Params{}, p)
		})
	}
	_, _, err := local4().Answer([]byte(text("m=audio 0 RTP/AVP 0")))
	require.ErrorIs(t, err, ErrNoCommonCodec)
	assert.ErrorContains(t, err, "port 0")

	_, _, err = local4().Answer([]byte(text("m=audio 4 RTP/AVP 96", "a=rtpmap:96 \x1b[2J"+strings.Repeat("x", 100)+"/8000")))
	require.ErrorIs(t, err, ErrNoCommonCodec)
	assert.NotContains(t, err.Error(), "\x1b")
	assert.Less(t, len(err.Error()), 200)
}

// text is a small description with the lines after t=.
func text(lines ...string) string {
	return "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n" + strings.Join(lines, "\r\n") + "\r\n"
}

func TestParseErrorsNameTheLine(t *testing.T) {
	audio := "m=audio 5000 RTP/AVP 0"
	cases := []struct {
		name, body string
		line       int
		reason     string
	}{
		{"empty", " \r\n", 0, "empty"},
		{"huge", strings.Repeat("a", maxBody+1), 0, "at most 65536"},
		{"not sdp", "hello", 1, "one small letter"},
		{"no version", "o=- 1 1 IN IP4 1.2.3.4\r\n", 1, "v=0"},
		{"version 1", "v=1\r\n", 1, "v=0"},
		{"bad line", text(audio, "oops"), 7, "one small letter"},
		{"nul", text(audio, "a=x\x00y"), 7, "NUL"},
		{"short m", text("m=audio 5000 RTP/AVP"), 6, "at least one format"},
		{"port", text("m=audio 65536 RTP/AVP 0"), 6, "0 to 65535"},
		{"negative port", text("m=audio -1 RTP/AVP 0"), 6, "0 to 65535"},
		{"time", "v=0\r\nt=now later\r\n" + audio, 2, "decimal"},
		{"one time", "v=0\r\nt=0\r\n" + audio, 2, "start and a stop"},
		{"no c=", "v=0\r\nt=0 0\r\n" + audio, 3, "no c= line"},
		{"host name", string(sample(t, "host-name")), 4, "host names are not looked up"},
		{"media host name", text(audio, "c=IN IP4 pbx"), 7, "host names are not looked up"},
		{"net type", text(audio, "c=ATM IP4 1.2.3.4"), 7, "IN IP4 or IN IP6"},
		{"multicast", text(audio, "c=IN IP4 224.2.1.1/127"), 7, "unicast"},
		{"zone", text(audio, "c=IN IP6 fe80::1%eth0"), 7, "zone"},
		{"rtcp port", text(audio, "a=rtcp:x"), 7, "RTCP port"},
		{"rtcp zero", text(audio, "a=rtcp:0"), 7, "RTCP port"},
		{"rtcp address", text(audio, "a=rtcp:5 IN IP4 here"), 7, "host names"},
		{"many lines", "v=0\n" + strings.Repeat("a=x\n", maxLines), maxLines + 1, "more than 2000 lines"},
		{"many media", text(strings.Repeat(audio+"\n", maxMedia+1)), 6 + maxMedia, "more than 64 m= lines"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := local4().Answer([]byte(c.body))
			var parse *ParseError
			require.ErrorAs(t, err, &parse)
			assert.Equal(t, c.line, parse.Line, err)
			assert.ErrorContains(t, err, c.reason)
			assert.LessOrEqual(t, len(parse.Text), shownText+3)
		})
	}
}

func TestLenientReading(t *testing.T) {
	cases := map[string]string{
		"lf only":            strings.ReplaceAll(text("m=audio 5000 RTP/AVP 0"), "\r", ""),
		"no end of line":     strings.TrimSpace(text("m=audio 5000 RTP/AVP 0")),
		"blank lines":        "\r\n" + text("m=audio 5000 RTP/AVP 0", "", ""),
		"no s= and t=":       "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/AVP 0\r\n",
		"odd bandwidth":      text("b=FOO:x", "m=audio 5000 RTP/AVP 0", "b=:"),
		"odd origin":         "v=0\r\no=me\r\ns=\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/AVP 0\r\n",
		"port count":         text("m=audio 5000/2 RTP/AVP 0"),
		"strange formats":    text("m=audio 5000 RTP/AVP * 300 x 0 0"),
		"bad rtpmap":         text("m=audio 5000 RTP/AVP 96 0", "a=rtpmap:x", "a=rtpmap:96", "a=rtpmap:999 PCMU/8000", "a=rtpmap:96 PCMU"),
		"ptime nonsense":     text("m=audio 5000 RTP/AVP 0", "a=ptime:often", "a=maxptime:NaN"),
		"spaces in rtpmap":   text("m=audio 5000 RTP/AVP 0", "a=rtpmap: 0  PCMU/8000"),
		"rtcp elsewhere 0":   text("m=audio 5000 RTP/AVP 0", "a=rtcp:5001 IN IP4 0.0.0.0"),
		"stereo is not ours": text("m=audio 5000 RTP/AVP 97 0", "a=rtpmap:97 PCMU/8000/2"),
	}
	for name, body := range cases {
		t.Run(name, func(t *testing.T) {
			_, p, err := local4().Answer([]byte(body))
			require.NoError(t, err)
			assert.Equal(t, ap("192.0.2.9:5000"), p.Remote)
			assert.Equal(t, ap("192.0.2.9:5001"), p.RemoteRTCP)
			assert.Equal(t, PCMU(), p.Send)
			assert.Equal(t, 20*time.Millisecond, p.PTime)
		})
	}
}

func TestPTime_RFC8866_6_4(t *testing.T) {
	const ms = time.Millisecond
	cases := []struct {
		ours, max time.Duration
		attrs     string
		want      time.Duration
	}{
		{0, 0, "", 20 * ms},
		{30 * ms, 0, "", 30 * ms},
		{20 * ms, 0, "a=ptime:10", 10 * ms},
		{20 * ms, 0, "a=ptime:60", 60 * ms},
		{20 * ms, 0, "a=ptime:25", 20 * ms},
		{20 * ms, 0, "a=ptime:37.5", 30 * ms},
		{20 * ms, 0, "a=ptime:200", 60 * ms},
		{20 * ms, 0, "a=ptime:2", 10 * ms},
		{20 * ms, 0, "a=ptime:0", 20 * ms},
		{20 * ms, 0, "a=ptime:-20", 20 * ms},
		{20 * ms, 0, "a=ptime:60\r\na=maxptime:40", 40 * ms},
		{40 * ms, 0, "a=maxptime:20", 20 * ms},
		{40 * ms, 0, "a=maxptime:5", 10 * ms},
		{60 * ms, 40 * ms, "", 40 * ms},
	}
	for _, c := range cases {
		l := local4()
		l.PTime, l.MaxPTime = c.ours, c.max
		_, p, err := l.Answer([]byte(text("m=audio 5000 RTP/AVP 0", c.attrs)))
		require.NoError(t, err)
		assert.Equal(t, c.want, p.PTime, "%v %q", c.ours, c.attrs)
	}
	l := local4()
	l.MaxPTime = 20 * ms
	answer, p, err := l.Answer([]byte(text("m=audio 5000 RTP/AVP 0", "a=ptime:60")))
	require.NoError(t, err)
	assert.Equal(t, 60*ms, p.PTime, "the peer asked for long packets")
	assert.Contains(t, string(answer), "a=ptime:20\r\na=maxptime:20\r\n", "and gets to know that we want short ones")
	_, p, err = local4().Answer([]byte(text("a=ptime:30", "m=audio 5000 RTP/AVP 0")))
	require.NoError(t, err)
	assert.Equal(t, 30*ms, p.PTime, "session level")
}

func TestAnswer_DirectionTable_RFC3264_6_1(t *testing.T) {
	for _, theirs := range []Direction{SendRecv, SendOnly, RecvOnly, Inactive} {
		for _, ours := range []Direction{SendRecv, SendOnly, RecvOnly, Inactive} {
			l := local4()
			l.Direction = ours
			answer, p, err := l.Answer([]byte(text("m=audio 5000 RTP/AVP 0", "a="+theirs.String())))
			require.NoError(t, err)
			assert.Equal(t, ours.Sends() && theirs.Receives(), p.Direction.Sends())
			assert.Equal(t, ours.Receives() && theirs.Sends(), p.Direction.Receives())
			assert.Equal(t, !theirs.Receives(), p.RemoteHold)
			assert.Contains(t, string(answer), "a="+p.Direction.String()+"\r\n")
		}
	}
}

func TestAnswer_NoEventsWhenNotWanted(t *testing.T) {
	l := local4()
	l.EventPayloadType = 0
	answer, p, err := l.Answer(sample(t, "asterisk-invite"))
	require.NoError(t, err)
	assert.Zero(t, p.EventSend)
	assert.Zero(t, p.EventReceive)
	assert.NotContains(t, string(answer), "telephone-event")
}

func TestMediaAddressBeatsSession(t *testing.T) {
	_, p, err := local4().Answer([]byte(text("m=audio 5000 RTP/AVP 0", "c=IN IP4 192.0.2.77", "c=IN IP4 192.0.2.78")))
	require.NoError(t, err)
	assert.Equal(t, ap("192.0.2.77:5000"), p.Remote)
	_, p, err = local4().Answer([]byte(text("m=audio 65535 RTP/AVP 0")))
	require.NoError(t, err)
	assert.False(t, p.RemoteRTCP.IsValid(), "there is no port 65536")
	_, p, err = local4().Answer([]byte(text("m=audio 5000 RTP/AVP 0", "c=IN IP6 ::ffff:192.0.2.77")))
	require.NoError(t, err)
	assert.Equal(t, ap("192.0.2.77:5000"), p.Remote)
}

func TestDirection(t *testing.T) {
	assert.Equal(t, RecvOnly, SendOnly.Reverse())
	assert.Equal(t, SendOnly, RecvOnly.Reverse())
	assert.Equal(t, SendRecv, SendRecv.Reverse())
	assert.Equal(t, Inactive, Inactive.Reverse())
	assert.Equal(t, Inactive, SendOnly.And(RecvOnly))
	assert.Equal(t, "invalid", Direction(9).String())
}

func TestOutputIsReadByPion(t *testing.T) {
	offer, err := local4().Offer()
	require.NoError(t, err)
	var d sdp.SessionDescription
	require.NoError(t, d.Unmarshal(offer))
	assert.Len(t, d.MediaDescriptions, 1)
	answer, _, err := local4().Answer(sample(t, "baresip-invite"))
	require.NoError(t, err)
	d = sdp.SessionDescription{}
	require.NoError(t, d.Unmarshal(answer))
	require.Len(t, d.MediaDescriptions, 2)
	assert.Zero(t, d.MediaDescriptions[1].MediaName.Port.Value)
}
