package media

import (
	"github.com/softphone-go/softphone/media/comfort"
	"github.com/softphone-go/softphone/media/jitter"
)

// Discontinuous transmission: in silence no sound is sent, but what the silence
// sounds like, now and then (RFC 3389 §4). Sequence numbers count packets sent, so
// that none looks lost; timestamps go on with the time; the first packet of sound
// after silence has the marker (RFC 3551 §4.1).
//
//	sound sound sound CN  ·  ·  ·  CN  ·  ·  ·  sound(M) sound
//	                  └ at once    └ changed, or after tellEvery
const (
	tellEvery   = 40 // frames of 10 ms between two CN packets
	tellSoonest = 10 // the same when the noise has changed
	spectrum    = 8  // reflection coefficients sent
)

// dtx is the state of discontinuous transmission. It works while comfort noise is
// agreed on.
type dtx struct {
	detector comfort.Detector
	analyzer comfort.Analyzer
	silent   bool
	told     comfort.Noise
	since    int // frames since it was told
}

// hush says whether the packet at ts holds silence and is not to be sent; then a
// CN packet may have been sent in its place.
func (s *Session) hush(ts uint32, samples []int16) bool {
	t, d := &s.sender, s.description
	if d.ComfortNoiseSend == 0 {
		t.dtx.silent = false
		return false
	}
	if s.inband.generator.Active() || t.dtx.speech(samples) { // the tones of a key are no silence
		if t.dtx.silent {
			t.dtx.silent, t.marker = false, true
		}
		return false
	}
	noise, tell := t.dtx.silence(len(samples) / frameSize)
	if tell {
		payload := noise.Append(t.packet[minRTPHeader:minRTPHeader])
		s.sendPacket(d.ComfortNoiseSend, ts, false, len(payload))
	}
	return true
}

// speech listens to the frames of a packet and says whether one holds speech.
func (x *dtx) speech(samples []int16) (active bool) {
	for ; len(samples) >= frameSize; samples = samples[frameSize:] {
		frame := samples[:frameSize]
		if x.detector.Active(frame) {
			active = true
		} else {
			x.analyzer.Add(frame)
		}
	}
	return active
}

// silence goes on for so many frames. It returns what the noise is and whether
// the peer is to be told now.
func (x *dtx) silence(frames int) (noise comfort.Noise, tell bool) {
	noise = x.analyzer.Noise(spectrum)
	x.since += frames
	tell = !x.silent || x.since >= tellEvery || x.since >= tellSoonest && noise.Differs(x.told)
	if tell {
		x.silent, x.told, x.since = true, noise, 0
	}
	return noise, tell
}

// mapComfort says which payload types carry comfort noise: the agreed one, and
// the static one if it is nothing else.
func (d *description) mapComfort() {
	if pt := d.ComfortNoiseReceive; pt != 0 {
		d.payloads[pt] = jitter.ComfortNoise
	}
	if d.payloads[comfortNoiseType] == jitter.Unmapped {
		d.payloads[comfortNoiseType] = jitter.ComfortNoise
	}
}
