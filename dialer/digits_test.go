package dialer

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/sip"
)

func digitsOf(j *journal) []rune {
	var digits []rune
	for _, ev := range j.all() {
		if ev.Type == EventDigit {
			digits = append(digits, ev.Digit)
		}
	}
	return digits
}

func TestSendDigits_RFC4733(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		out, in := w.connected(w.a, w.b)
		pass(time.Second)
		require.NoError(t, out.SendDigits(context.Background(), "0123456789*#abcd"))
		require.NoError(t, in.SendDigits(context.Background(), "5"))
		pass(6 * time.Second)
		require.False(t, out.DigitsPending())
		require.Equal(t, []rune("0123456789*#ABCD"), digitsOf(w.b.log))
		require.Equal(t, []rune("5"), digitsOf(w.a.log))
		require.NoError(t, out.Hangup(context.Background()))
		w.a.outcome(out)
		w.b.outcome(in)
	})
}

// TestSendDigits_AsTones: where events are not wanted on one side, keys travel as
// tones both ways, and nothing goes by INFO.
func TestSendDigits_AsTones(t *testing.T) {
	modes := map[string]media.DigitMode{"a": media.DigitsInband, "b": media.DigitsAuto}
	inWorld(t, func(side string, cfg *Config) { cfg.Digits = modes[side] }, func(w *world) {
		for _, calls := range [][2]*phone{{w.a, w.b}, {w.b, w.a}} {
			out, in := w.connected(calls[0], calls[1])
			require.Zero(t, out.leg.params.EventSend)
			require.Zero(t, in.leg.params.EventReceive)
			pass(time.Second)
			require.NoError(t, out.SendDigits(context.Background(), "12#"))
			require.True(t, out.DigitsPending())
			require.NoError(t, in.SendDigits(context.Background(), "*9"))
			pass(2 * time.Second)
			require.False(t, out.DigitsPending())
			require.NoError(t, out.Hangup(context.Background()))
			calls[0].outcome(out)
			calls[1].outcome(in)
		}
		require.Equal(t, []rune("*912#"), digitsOf(w.a.log))
		require.Equal(t, []rune("12#*9"), digitsOf(w.b.log))
	})
}

// TestSendDigits_InfoOnRequest: keys go by INFO though both sides know events.
func TestSendDigits_InfoOnRequest(t *testing.T) {
	modes := map[string]media.DigitMode{"a": media.DigitsInfo, "b": media.DigitsAuto}
	inWorld(t, func(side string, cfg *Config) { cfg.Digits = modes[side] }, func(w *world) {
		out, in := w.connected(w.a, w.b)
		require.Zero(t, out.leg.params.EventSend)
		require.NoError(t, out.SendDigits(context.Background(), "4#"))
		require.False(t, out.DigitsPending())
		require.Equal(t, []rune("4#"), digitsOf(w.b.log))
		require.NoError(t, out.Hangup(context.Background()))
		w.a.outcome(out)
		w.b.outcome(in)
	})
}

// TestSendDigits_Info: with events only, a peer without telephone-event gets them
// by INFO, and its own INFO digits are told as any other.
func TestSendDigits_Info(t *testing.T) {
	inWorld(t, func(_ string, cfg *Config) { cfg.Digits = media.DigitsEvents }, func(w *world) {
		infos := make(chan sip.InfoReceived, 8)
		dialogs := make(chan *sip.Dialog, 1)
		w.b.scripted(func(inv *sip.Invitation, _ *leg) {
			body := "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
			dialog, err := inv.Accept([]byte(body))
			require.NoError(t, err)
			dialog.Handle(func(ev sip.DialogEvent) {
				if info, ok := ev.(sip.InfoReceived); ok {
					infos <- info
				}
			})
			dialogs <- dialog
		})
		out := w.a.dial(w.b)
		w.a.log.await(t, EventAnswered)
		result := make(chan error, 2)
		go func() { result <- out.SendDigits(context.Background(), "1#") }()
		pass(time.Millisecond)
		go func() { result <- out.SendDigits(context.Background(), "9") }()
		for _, want := range []string{"1", "#", "9"} {
			info := <-infos
			require.Equal(t, dtmfRelay, info.ContentType)
			require.Equal(t, "Signal="+want+"\r\nDuration=160\r\n", string(info.Body))
		}
		require.NoError(t, <-result)
		require.NoError(t, <-result)

		dialog := <-dialogs
		require.NoError(t, dialog.Info(context.Background(), "application/dtmf-relay", []byte("Signal=7\r\nDuration=100\r\n")))
		require.NoError(t, dialog.Info(context.Background(), "application/dtmf", []byte("*")))
		pass(time.Second)
		require.Equal(t, []rune("7*"), digitsOf(w.a.log))
		require.NoError(t, out.Hangup(context.Background()))
		w.a.outcome(out)
	})
}

func TestParseInfoDigit(t *testing.T) {
	for _, tc := range []struct {
		kind, body string
		want       rune
	}{
		{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", '5'},
		{"Application/DTMF-Relay; charset=utf-8", "Duration=160\nsignal = # \n", '#'},
		{"application/dtmf-relay", "Signal=11", '#'},
		{"application/dtmf-relay", "Signal=10", '*'},
		{"application/dtmf-relay", "Signal=d", 'D'},
		{"application/dtmf", " 0 ", '0'},
		{"application/dtmf", "15", 'D'},
		{"application/dtmf", "16", 0},
		{"application/dtmf", "+5", 0},
		{"application/dtmf", "", 0},
		{"application/dtmf-relay", "Duration=160", 0},
		{"application/dtmf-relay", "Signal=", 0},
		{"text/plain", "5", 0},
	} {
		got, err := parseInfoDigit(tc.kind, []byte(tc.body))
		require.Equal(t, tc.want, got, "%q %q", tc.kind, tc.body)
		require.Equal(t, tc.want == 0, err != nil)
	}
}

func FuzzParseInfoDigit(f *testing.F) {
	f.Add("application/dtmf-relay", []byte("Signal=5\r\nDuration=160\r\n"))
	f.Add("application/dtmf", []byte("#"))
	f.Add("application/dtmf-relay;x", []byte("signal = 11"))
	f.Add("", []byte{0xff, 0x00})
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		digit, err := parseInfoDigit(kind, body)
		if (err == nil) != isDigit(digit) {
			t.Fatalf("%q %q: %q, %v", kind, body, digit, err)
		}
	})
}
