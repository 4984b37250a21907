package replay

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/g711"
	"github.com/softphone-go/softphone/media/jitter"
)

// captured is speech as packets that take 30 ms and a little more.
func captured(speech []int16, size int, payloadType uint8) []Captured {
	encode := g711.EncodePCMU
	if payloadType == PayloadPCMA {
		encode = g711.EncodePCMA
	}
	var out []Captured
	for i := 0; (i+1)*size <= len(speech); i++ {
		p := Captured{
			Header:  jitter.Header{SequenceNumber: uint16(65530 + i), Timestamp: uint32(math.MaxUint32 - 8000 + i*size), PayloadType: payloadType, SSRC: 77},
			Payload: make([]byte, size),
			At:      5*time.Second + span(int64(i*size)) + time.Duration(30+i*7%5)*time.Millisecond,
		}
		encode(p.Payload, speech[i*size:])
		out = append(out, p)
	}
	return out
}

// lagOf is where the 2 s of want from a second on are found in heard, or -1.
func lagOf(heard, want []int16) int {
	for lag := range 2000 {
		if equal(heard[clockRate+lag:3*clockRate+lag], want[clockRate:3*clockRate]) {
			return lag
		}
	}
	return -1
}

func TestRunCaptured_PlaysItsOwnSound(t *testing.T) {
	speech := speechlike(10 * clockRate)
	for _, payloadType := range []uint8{PayloadPCMU, PayloadPCMA} {
		for _, size := range []int{80, 160, 240, 480} {
			codec := jitter.PCMU
			if payloadType == PayloadPCMA {
				codec = jitter.PCMA
			}
			heard, r, err := RunCaptured(captured(speech, size, payloadType), nil, Options{Jitter: jitter.Config{Fixed: true, Target: 100 * time.Millisecond}})
			require.NoError(t, err)
			assert.Zero(t, r.Lost+r.Late+r.Duplicate, "%d samples", size)
			assert.Positive(t, lagOf(heard, coded(codec, speech)), "%d samples of payload type %d", size, payloadType)
		}
	}
}

func TestRunCaptured_SpeechInItsPlace(t *testing.T) {
	other := speechlike(20 * clockRate)[5*clockRate:]
	packets := captured(make([]int16, 10*clockRate), 240, PayloadPCMU)
	heard, _, err := RunCaptured(packets, other, Options{Jitter: jitter.Config{Fixed: true, Target: 100 * time.Millisecond}})
	require.NoError(t, err)
	assert.Positive(t, lagOf(heard, coded(jitter.PCMU, other)))
}

// Opus cannot be decoded here, but its times can be played: 20 ms at 48 kHz.
func TestRunCaptured_AnotherCodec(t *testing.T) {
	packets := captured(make([]int16, 10*clockRate), 160, 111)
	for i := range packets {
		packets[i].Header.Timestamp = uint32(i) * 960
		packets[i].Payload = make([]byte, 40)
	}
	_, _, err := RunCaptured(packets, nil, Options{})
	require.ErrorIs(t, err, ErrNoSound)
	speech := speechlike(10 * clockRate)
	heard, r, err := RunCaptured(packets, speech, Options{Codec: jitter.PCMA, Jitter: jitter.Config{Fixed: true, Target: 100 * time.Millisecond}})
	require.NoError(t, err)
	assert.Equal(t, uint64(500), r.Received)
	assert.Positive(t, lagOf(heard, coded(jitter.PCMA, speech)))
}

func TestRunCaptured_LostLateDuplicateAndEvents(t *testing.T) {
	packets := captured(speechlike(4*clockRate), 160, PayloadPCMU)
	event := packets[60]
	event.Header.PayloadType, event.Payload = 96, []byte{1, 10, 0, 160}
	packets[60] = event
	packets[80].At += 300 * time.Millisecond
	packets = append(packets, packets[90])
	packets = append(packets[:100], packets[103:]...)
	var record Record
	_, r, err := RunCaptured(packets, nil, Options{Jitter: jitter.Config{Fixed: true, Target: 60 * time.Millisecond}, Record: &record})
	require.NoError(t, err)
	assert.Equal(t, uint64(3), r.Lost)
	assert.Equal(t, uint64(1), r.Late)
	assert.Equal(t, uint64(1), r.Duplicate)
	fates := map[Fate]int{}
	for _, p := range record.Packets {
		fates[p.Fate]++
	}
	assert.Equal(t, map[Fate]int{InTime: 196, Late: 1, Duplicate: 1, Lost: 3}, fates)
}

// After each of these the delay is known again.
func TestRunCaptured_Jumps(t *testing.T) {
	for name, disturb := range map[string]func(p *Captured){
		"timestamp":       func(p *Captured) { p.Header.Timestamp += 1 << 30 },
		"timestamp back":  func(p *Captured) { p.Header.Timestamp -= 1 << 30 },
		"sequence number": func(p *Captured) { p.Header.SequenceNumber += 1 << 14 },
		"SSRC":            func(p *Captured) { p.Header.SSRC, p.Header.Timestamp, p.Header.SequenceNumber = 3, 4, 5 },
		"pause":           func(p *Captured) { p.At += 5 * time.Second; p.Header.Timestamp += 40000 },
		"clock stopped":   func(p *Captured) { p.At += 5 * time.Second },
	} {
		packets := captured(speechlike(10*clockRate), 160, PayloadPCMU)
		for i := 250; i < len(packets); i++ {
			if name == "SSRC" {
				n := uint32(i - 250)
				packets[i].Header.SSRC, packets[i].Header.Timestamp, packets[i].Header.SequenceNumber = 3, 160*n, uint16(n)
				continue
			}
			disturb(&packets[i])
		}
		_, r, err := RunCaptured(packets, nil, Options{})
		require.NoError(t, err)
		assert.Zero(t, r.Lost, name)
		assert.InDelta(t, 30, r.MeanDelayMS, 30, name)
		trace := TraceOf(packets)
		assert.Len(t, trace, 500, name)
		for _, p := range trace {
			assert.LessOrEqual(t, p.Arrived-p.Sent, 10*time.Millisecond, name)
			assert.GreaterOrEqual(t, p.Arrived, p.Sent, name)
		}
	}
}

func TestTraceOf(t *testing.T) {
	packets := captured(speechlike(clockRate), 160, PayloadPCMU)
	packets = append(packets[:10], packets[12:]...)
	packets[0], packets[1] = packets[1], packets[0]
	trace := TraceOf(packets)
	require.Len(t, trace, 50)
	for i, p := range trace {
		assert.Equal(t, i, p.SequenceNumber)
		assert.Equal(t, i == 10 || i == 11, p.Lost, i)
		assert.Equal(t, time.Duration(i)*packetTime, p.Sent)
	}
	assert.Empty(t, TraceOf(nil))
	_, _, err := RunCaptured(nil, speechlike(10), Options{})
	require.NoError(t, err)
}

func FuzzRunCaptured(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 160, 20, 0, 2, 0, 0, 160, 20, 8, 3, 1, 1, 1, 1}, false)
	f.Add([]byte{111, 1, 0, 0, 160, 20, 111, 255, 255, 0, 160, 20}, true)
	f.Fuzz(func(t *testing.T, raw []byte, speak bool) {
		var packets []Captured
		at := time.Duration(0)
		for ; len(raw) >= 6 && len(packets) < 200; raw = raw[6:] {
			at += time.Duration(raw[5]) * time.Millisecond
			packets = append(packets, Captured{
				Header: jitter.Header{
					PayloadType: raw[0] & 0x7F, SSRC: uint32(raw[0] >> 7), SequenceNumber: uint16(raw[1]) << (raw[2] % 9),
					Timestamp: uint32(raw[3]) << (raw[2] % 25),
				},
				Payload: make([]byte, raw[4]), At: at,
			})
		}
		var speech []int16
		if speak {
			speech = make([]int16, clockRate)
		}
		heard, r, err := RunCaptured(packets, speech, Options{Record: &Record{}})
		if err == nil && (len(heard)%jitter.FrameSize != 0 || !(r.MOS >= 1 && r.MOS <= 4.5)) {
			t.Fatalf("%d samples, %+v", len(heard), r)
		}
	})
}
