package jitter

import (
	"encoding/binary"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever comes, Get returns 10 ms without panic, the packets add up, and once
// a sane stream follows, it is heard.
func TestPlayout_Model(t *testing.T) {
	payload := make([]byte, maxPayload+1)
	for i := range payload {
		payload[i] = byte(i * 31)
	}
	rapid.Check(t, func(t *rapid.T) {
		p := newPlayout(Config{
			Target:   time.Duration(rapid.IntRange(0, 800).Draw(t, "target")) * ms,
			Fixed:    rapid.Bool().Draw(t, "fixed"),
			Capacity: rapid.SampledFrom([]int{0, 64, 1024}).Draw(t, "capacity"),
		})
		h := Header{SequenceNumber: rapid.Uint16().Draw(t, "seq"), Timestamp: rapid.Uint32().Draw(t, "ts"), SSRC: 1}
		now := time.Duration(rapid.IntRange(0, 1000).Draw(t, "start")) * ms
		var dst [FrameSize]int16
		steps := rapid.SliceOfN(rapid.IntRange(0, 15), 1, 400).Draw(t, "steps")
		for _, step := range steps {
			size, at := 160, now
			switch step {
			case 0:
				h.SequenceNumber = rapid.Uint16().Draw(t, "seq")
			case 1:
				h.Timestamp = rapid.Uint32().Draw(t, "ts")
			case 2:
				h.SSRC = uint32(rapid.IntRange(1, 3).Draw(t, "ssrc"))
			case 3:
				h.PayloadType = rapid.SampledFrom([]uint8{ptPCMU, ptPCMA, ptCN, ptEvents, 77, 255}).Draw(t, "pt")
			case 4:
				size = rapid.IntRange(0, len(payload)).Draw(t, "size")
			case 5:
				h.SequenceNumber += uint16(rapid.IntRange(-70, 70).Draw(t, "step"))
			case 6:
				h.Timestamp += uint32(rapid.IntRange(-9000, 9000).Draw(t, "gap"))
			case 7:
				now += time.Duration(rapid.IntRange(0, 3000).Draw(t, "stall")) * ms
			case 8:
				at += time.Duration(rapid.IntRange(-5000, 5000).Draw(t, "arrival")) * ms
			case 9:
				p.Reset()
			}
			p.Put(h, payload[:size], at)
			if step > 10 {
				h.SequenceNumber++
				h.Timestamp += uint32(size)
			}
			if step%2 == 0 {
				p.Get(dst[:], now)
				now += 10 * ms
			}
			requireBalance(t, p)
		}
		s := newSender()
		s.ssrc, s.clock = 9, now
		heard := 0
		for range 150 {
			sound := s.next(0)
			p.Put(sound.Header, sound.payload, now)
			for range 2 {
				if p.Get(dst[:], now) == Speech {
					heard++
				}
				now += 10 * ms
			}
		}
		requireBalance(t, p)
		if heard < 100 {
			t.Fatalf("%d of 300 frames heard of a sane stream: %+v", heard, p.Stats())
		}
	})
}

func FuzzPlayout(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0, 160, 1, 0, 0, 160, 0, 2, 0, 0, 1, 64, 1, 0, 20, 160})
	f.Add([]byte{255, 255, 255, 255, 255, 0, 1, 96, 0, 4, 0, 0, 0, 0, 0, 0, 2, 13, 200, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		p := newPlayout(Config{})
		var dst [FrameSize]int16
		now := time.Duration(0)
		payload := make([]byte, 256)
		for len(data) >= 10 {
			h := Header{
				SequenceNumber: binary.BigEndian.Uint16(data),
				Timestamp:      binary.BigEndian.Uint32(data[2:]),
				SSRC:           uint32(data[6] & 3),
				PayloadType:    data[7],
			}
			now += time.Duration(data[8]) * ms
			p.Put(h, payload[:data[9]], now)
			p.Get(dst[:], now)
			data = data[10:]
		}
		requireBalance(t, p)
	})
}
