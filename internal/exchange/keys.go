package exchange

import (
	"strings"
)

// keypad orders the events of RFC 4733 §3.2: 0-9, *, #, A-D.
const keypad = "0123456789*#ABCD"

const (
	keyDown = 800 // ticks of 1/8000 s that a digit lasts
	keyUp   = 800 // and the pause after it
	ends    = 3   // times the end is sent (RFC 4733 §2.5.1.4)
	longest = 1<<16 - 1
)

// keySender makes telephone-events, one packet per packet time.
type keySender struct {
	pending []byte // event numbers
	ts      uint32 // of the digit being sent
	lasted  uint32
	ended   int
	pause   uint32
	active  bool
}

type keyEvent struct {
	ts      uint32
	first   bool
	payload [4]byte
}

func (k *keySender) queue(digits string) {
	for _, r := range strings.ToUpper(digits) {
		if i := strings.IndexRune(keypad, r); i >= 0 {
			k.pending = append(k.pending, byte(i))
		}
	}
}

// next is the event packet due at ts, n ticks after the one before; none
// between digits.
func (k *keySender) next(ts, n uint32) (keyEvent, bool) {
	if k.pause > 0 {
		k.pause -= min(n, k.pause)
		return keyEvent{}, false
	}
	if len(k.pending) == 0 {
		return keyEvent{}, false
	}
	first := !k.active
	if first {
		k.active, k.ts, k.lasted, k.ended = true, ts, 0, 0
	}
	if k.lasted < keyDown {
		k.lasted += n
	}
	ev := keyEvent{ts: k.ts, first: first, payload: [4]byte{k.pending[0], 10, byte(k.lasted >> 8), byte(k.lasted)}}
	if k.lasted >= keyDown {
		ev.payload[1] |= 0x80
		if k.ended++; k.ended == ends {
			k.pending, k.active, k.pause = k.pending[1:], false, keyUp
		}
	}
	return ev, true
}

// keyReceiver tells digits from event packets. A digit counts when its first
// packet of any kind comes, so that lost ends do not matter.
type keyReceiver struct {
	any    bool
	ts     uint32
	event  byte
	lasted uint16
	ended  bool
}

// put takes a packet and returns the digit when it is a new one.
func (k *keyReceiver) put(ts uint32, payload []byte) rune {
	if len(payload) < 4 || int(payload[0]) >= len(keypad) {
		return 0
	}
	event, ended := payload[0], payload[1]&0x80 != 0
	lasted := uint16(payload[2])<<8 | uint16(payload[3])
	if k.any && ts == k.ts {
		k.ended = k.ended || ended
		k.lasted = max(k.lasted, lasted)
		return 0
	}
	if k.any && int32(ts-k.ts) < 0 {
		return 0 // a straggler of an earlier digit
	}
	// A key held longer than 65,535 ticks goes on as a new segment (§2.5.1.3).
	onward := k.any && !k.ended && event == k.event && k.lasted > longest-2000 && ts-k.ts <= longest+2000
	*k = keyReceiver{any: true, ts: ts, event: event, lasted: lasted, ended: ended}
	if onward {
		return 0
	}
	return rune(keypad[event])
}
