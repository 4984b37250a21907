package offer

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
	"github.com/stretchr/testify/require"
)

// FuzzParse holds three promises: no input panics; the answer to an offer that
// was accepted can be read again, has as many m= lines and is accepted by
// Accept; and what pion reads, this package reads alike.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(samples, "*"))
	require.NoError(f, err)
	for _, file := range files {
		if body, err := os.ReadFile(file); err == nil {
			f.Add(body)
		}
	}
	f.Add([]byte(text("m=audio 5000/2 RTP/AVP 0 0 999 x", "a=rtpmap:0 PCMU/8000/2", "a=ptime:1e300")))
	ours, err := local4().Offer()
	require.NoError(f, err)
	f.Add(stream80("RTP/SAVP", "1 X inline:y", "2"+line80+"|2^31|1:4 WSH=64"))
	f.Add(stream80("RTP/AVP", "3"+line80))
	secured, err := secure4(f, Required).Offer()
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, l := range []Local{local4(), local6(), secure4(t, Offered), secure4(t, Required)} {
			checkAnswer(t, l, body)
		}
		checkError(t, second(local4().Accept(ours, body)))
		checkError(t, second(secure4(t, Required).Accept(secured, body)))
		comparePion(t, body)
	})
}

func second[A any](_ A, err error) error { return err }

func checkError(t *testing.T, err error) {
	var parse *ParseError
	if err != nil && !errors.As(err, &parse) && !errors.Is(err, ErrNoCommonCodec) {
		t.Fatalf("an error of neither kind: %v", err)
	}
}

func checkAnswer(t *testing.T, l Local, body []byte) {
	answer, p, err := l.Answer(body)
	checkError(t, err)
	if err != nil {
		return
	}
	offered, err := parse(body)
	require.NoError(t, err)
	answered, err := parse(answer)
	require.NoError(t, err)
	require.Len(t, answered.media, len(offered.media))
	require.NotEmpty(t, p.Receive)
	require.True(t, p.PTime >= minPTime && p.PTime <= longestPTime && p.PTime%tick == 0)
	require.False(t, p.Direction.Sends() && !p.Remote.IsValid())
	running := 0
	for i, s := range answered.media {
		require.Equal(t, offered.media[i].media, s.media)
		require.Equal(t, offered.media[i].proto, s.proto)
		if s.port != 0 {
			running++
		}
	}
	require.Equal(t, 1, running)
	require.False(t, bytes.Contains(answer, []byte("\x00")))
	require.Equal(t, p.SendKey != nil, p.ReceiveKey != nil)
	require.Equal(t, p.SendKey != nil, bytes.Contains(answer, []byte("a=crypto:")))
	require.False(t, p.SendKey == nil && (l.Encryption == Required || p.SAVP))
}

// comparePion checks our reading against pion's where pion takes the text.
func comparePion(t *testing.T, body []byte) {
	var theirs sdp.SessionDescription
	if len(body) == 0 || theirs.Unmarshal(body) != nil {
		return
	}
	d, err := parse(body)
	if err != nil || strings.ContainsRune(string(body), '\r') && !strings.Contains(string(body), "\n") {
		return
	}
	if strings.Count(string(body), "\r") != strings.Count(string(body), "\r\n") {
		return // pion takes a lone CR for an end of line, RFC 8866 does not
	}
	require.Len(t, d.media, len(theirs.MediaDescriptions))
	for i, s := range d.media {
		m := theirs.MediaDescriptions[i]
		require.Equal(t, m.MediaName.Media, s.media)
		require.EqualValues(t, m.MediaName.Port.Value, s.port)
		require.Len(t, s.attrs, len(m.Attributes))
	}
}
