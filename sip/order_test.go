package sip

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// What comes in one burst is taken in the order it came in, though the
// transaction layer gives each message a goroutine of its own.
func TestDialog_BurstOfRequestsKeepsItsOrder_RFC3261_12_2_2(t *testing.T) {
	const burst = 20
	for range 20 {
		inBubble(t, nil, func(w *world) {
			d, l := w.accept()
			events := watch(d)
			event[Confirmed](t, events)
			for i := range burst {
				l.send("INFO", strconv.Itoa(i), "Content-Type: application/dtmf")
			}
			for range burst {
				w.p.response(200)
			}
			for i := range burst {
				assert.Equal(t, strconv.Itoa(i), string(event[InfoReceived](t, events).Body))
			}
		})
	}
}

func TestDialog_AckThenByeInOneBurst(t *testing.T) {
	for range 50 {
		inBubble(t, nil, func(w *world) {
			d, l := w.accept200()
			events := watch(d)
			l.send("ACK", "")
			l.send("BYE", "")
			w.p.response(200)
			event[Confirmed](t, events)
			event[Ended](t, events)
			w.p.silence(time.Minute)
		})
	}
}

func TestInvite_ProvisionalsAnd200InOneBurst(t *testing.T) {
	for range 50 {
		inBubble(t, nil, func(w *world) {
			c := w.call()
			inv := w.p.request("INVITE")
			w.p.reply(inv, 100, "Trying", "", "")
			w.p.reply(inv, 180, "Ringing", "t1", "")
			w.p.reply(inv, 183, "Session Progress", "t1", "early")
			w.p.reply(inv, 200, "OK", "t1", "answer")
			next[Sent](t, c)
			assert.Equal(t, 180, next[Provisional](t, c).Code)
			assert.Equal(t, 183, next[Provisional](t, c).Code)
			f := next[Final](t, c)
			assert.NoError(t, f.Dialog.Ack(nil))
			w.p.request("ACK")
		})
	}
}

// A peer may send a re-INVITE before our ACK has left; it waits for that.
func TestReInvite_In200Burst(t *testing.T) {
	for range 20 {
		inBubble(t, nil, func(w *world) {
			c := w.call()
			inv := w.p.request("INVITE")
			w.p.reply(inv, 200, "OK", "t1", "answer")
			l := w.p.legOf(inv, "t1")
			l.send("INVITE", "hold")
			next[Sent](t, c)
			d := next[Final](t, c).Dialog
			time.Sleep(20 * time.Millisecond) // as long as the owner needs, in the bubble's time
			assert.NoError(t, d.Ack(nil))
			w.p.request("ACK")
			events := watch(d)
			o := event[RemoteOffer](t, events)
			w.p.response(100)
			assert.NoError(t, o.Answer([]byte("held")))
			assert.Equal(t, "held", w.p.response(200).body)
			l.send("ACK", "")
			time.Sleep(time.Second)
			assert.True(t, d.confirmable())
		})
	}
}
