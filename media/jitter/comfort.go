package jitter

import "github.com/softphone-go/softphone/media/comfort"

// told is what the sender tells of its silence (RFC 3389): its packets as long as
// their turn has not come, and the noise that the last one asked for.
type told struct {
	on      bool
	noise   comfort.Generator
	waiting [heldNoises]struct {
		index int64
		comfort.Noise
	}
}

// heldNoises is how many packets of comfort noise may wait with the shape of
// their noise. More than one seldom do; of others, only their time counts.
const heldNoises = 4

// off ends the noise: there is sound again.
func (t *told) off() {
	if t.on {
		t.on = false
		t.noise.Stop()
	}
}

// hold keeps the payload of the packet with that index until its turn.
func (t *told) hold(index int64, payload []byte) {
	n, err := comfort.Parse(payload)
	if err != nil {
		return
	}
	w := &t.waiting[index%heldNoises]
	w.index, w.Noise = index, n
}

// set makes noise from now on as the packet with that index asked for.
func (t *told) set(index int64) {
	t.on = true
	if w := &t.waiting[index%heldNoises]; w.index == index {
		t.noise.Set(w.Noise)
	}
}
