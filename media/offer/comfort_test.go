package offer

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func comforting() Local {
	l := local4()
	l.ComfortNoise = CN().PayloadType
	return l
}

func TestComfortNoise_OfferedAndTaken_RFC3389_5(t *testing.T) {
	l := comforting()
	offer, err := l.Offer()
	require.NoError(t, err)
	assert.Contains(t, string(offer), "m=audio 10000 RTP/AVP 0 8 13 101\r\n")
	assert.Contains(t, string(offer), "a=rtpmap:13 CN/8000\r\n")

	answer, theirs, err := comforting().Answer(offer)
	require.NoError(t, err)
	assert.Contains(t, string(answer), " 0 8 13 101\r\n")
	assert.EqualValues(t, 13, theirs.ComfortNoiseSend)
	assert.EqualValues(t, 13, theirs.ComfortNoiseReceive)
	assert.Equal(t, []Codec{PCMU(), PCMA()}, theirs.Receive, "it is no codec")

	ours, err := l.Accept(offer, answer)
	require.NoError(t, err)
	assert.EqualValues(t, 13, ours.ComfortNoiseSend)
	assert.EqualValues(t, 13, ours.ComfortNoiseReceive)
	assert.Equal(t, []Codec{PCMU(), PCMA()}, ours.Receive)
}

func TestComfortNoise_OnlyWhenBothWantIt(t *testing.T) {
	for name, locals := range map[string][2]Local{
		"the peer does not": {comforting(), local4()},
		"we do not":         {local4(), comforting()},
	} {
		offer, err := locals[0].Offer()
		require.NoError(t, err)
		answer, theirs, err := locals[1].Answer(offer)
		require.NoError(t, err)
		assert.NotContains(t, string(answer), "CN/8000", name)
		ours, err := locals[0].Accept(offer, answer)
		require.NoError(t, err)
		assert.Zero(t, ours.ComfortNoiseSend+ours.ComfortNoiseReceive+theirs.ComfortNoiseSend+theirs.ComfortNoiseReceive, name)
	}
}

// 13 is static: some name it without a=rtpmap, some give it another number.
func TestComfortNoise_StaticAndDynamic(t *testing.T) {
	_, p, err := comforting().Answer([]byte(text("m=audio 5000 RTP/AVP 8 13")))
	require.NoError(t, err)
	assert.EqualValues(t, 13, p.ComfortNoiseSend)

	answer, p, err := comforting().Answer([]byte(text("m=audio 5000 RTP/AVP 8 13 97", "a=rtpmap:13 CN/16000", "a=rtpmap:97 cn/8000")))
	require.NoError(t, err)
	assert.EqualValues(t, 97, p.ComfortNoiseSend)
	assert.Contains(t, string(answer), "a=rtpmap:97 CN/8000")
	assert.EqualValues(t, 97, comforting().Keep(p).ComfortNoise, "for the rest of the call")

	_, p, err = comforting().Answer([]byte(text("m=audio 5000 RTP/AVP 8 13", "a=rtpmap:13 OTHER/8000")))
	require.NoError(t, err)
	assert.Zero(t, p.ComfortNoiseSend)
}

func TestComfortNoise_AloneIsNoCodec(t *testing.T) {
	_, _, err := comforting().Answer([]byte(text("m=audio 5000 RTP/AVP 13")))
	require.ErrorIs(t, err, ErrNoCommonCodec)
	offer, err := comforting().Offer()
	require.NoError(t, err)
	answer := text("m=audio 5000 RTP/AVP 13")
	_, err = comforting().Accept(offer, []byte(answer))
	require.ErrorIs(t, err, ErrNoCommonCodec)
}

func TestComfortNoise_PayloadTypeTwice(t *testing.T) {
	for _, n := range []uint8{8, 101, 200} {
		l := local4()
		l.ComfortNoise = n
		_, err := l.Offer()
		require.ErrorContains(t, err, "CN")
	}
}
