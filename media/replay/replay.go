package replay

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/softphone-go/softphone/media/g711"
	"github.com/softphone-go/softphone/media/jitter"
	"github.com/softphone-go/softphone/media/quality"
)

const (
	clockRate    = 8000
	perMS        = clockRate / 1000
	packetTime   = 20 * time.Millisecond
	packetSize   = 160 // samples
	frameTime    = 10 * time.Millisecond
	tail         = time.Second
	payloadPCMU  = 0 // RFC 3551 §6
	payloadPCMA  = 8
	firstStamp   = 0xFFFF0000 // RTP numbers start where they wrap soon
	firstNumber  = 65000
	replayedSSRC = 0x5EED
)

// Options sets up Run.
type Options struct {
	Codec  jitter.Payload // PCMU or PCMA; anything else stands for PCMU
	Jitter jitter.Config  // the engine; the zero value is its default
	Record *Record        // filled in with what happened packet by packet, unless nil
}

// ParseCodec reads a codec's name as the command line writes it.
func ParseCodec(name string) (jitter.Payload, error) {
	switch strings.ToLower(name) {
	case "pcmu":
		return jitter.PCMU, nil
	case "pcma":
		return jitter.PCMA, nil
	default:
		return jitter.Unmapped, fmt.Errorf("codec %q is unknown: use pcmu or pcma", name)
	}
}

// Report says how the playout went. Delays are from the sending of a sample to
// its playing, network and playout together, on the trace's clock.
type Report struct {
	Received     uint64  `json:"packets_received"`
	Lost         uint64  `json:"lost"`
	Late         uint64  `json:"late"`
	Duplicate    uint64  `json:"duplicate"`
	ConcealedMS  float64 `json:"concealed_ms"`
	StretchedMS  float64 `json:"stretched_ms"`
	CompressedMS float64 `json:"compressed_ms"`
	MeanDelayMS  float64 `json:"mean_delay_ms"`
	P95DelayMS   float64 `json:"p95_delay_ms"`
	MOS          float64 `json:"mos"`
}

// delivery is a packet as it is handed to the engine.
type delivery struct {
	header  jitter.Header
	sent    time.Duration // when its first sample was sent
	at      time.Duration // when it arrived
	payload []byte
}

// Run codes speech (8000 Hz), puts it through the trace and returns what is
// heard: sample n is played n/8000 s after send_ms 0. It ends one second after
// the last packet. Where the speech is shorter than the trace the sender is
// silent.
func Run(trace Trace, speech []int16, o Options) (heard []int16, report Report) {
	return play(trace, deliveries(trace, speech, o.Codec), o)
}

// play delivers the packets, which are in the order of arrival, and pulls.
func play(trace Trace, packets []delivery, o Options) (heard []int16, report Report) {
	playout := jitter.New(o.Jitter)
	playout.Map(payloadPCMU, jitter.PCMU)
	playout.Map(payloadPCMA, jitter.PCMA)
	playout.Map(PayloadCN, jitter.ComfortNoise)
	playout.Map(payloadEvent, jitter.Event)

	end := tail
	if len(packets) > 0 {
		end += packets[len(packets)-1].at + packetTime
	}
	heard = make([]int16, int((end+frameTime-1)/frameTime)*jitter.FrameSize)
	var delays []float64
	var clock clock
	record := newRecorder(o.Record, playout, &clock)
	frames := 0
	for n := 0; n < len(heard); n += jitter.FrameSize {
		now := time.Duration(n) * time.Second / clockRate
		for len(packets) > 0 && packets[0].at <= now {
			playout.Put(packets[0].header, packets[0].payload, packets[0].at)
			clock.arrived(packets[0])
			record.put(packets[0])
			packets = packets[1:]
		}
		stamp, ok := playout.Timestamp()
		kind := playout.Get(heard[n:n+jitter.FrameSize], now)
		if kind == jitter.Speech || kind == jitter.Concealed {
			frames++
		}
		delay := now - clock.sent(stamp, now)
		if ok && kind == jitter.Speech {
			delays = append(delays, delay.Seconds()*1000)
		}
		record.frame(now, delay, ok, kind)
	}
	record.lost(trace)
	return heard, summarise(trace, playout.Stats(), delays, frames)
}

// deliveries returns the packets that arrive, in the order of arrival.
//
// A sender's timestamps count samples, so a send time within half a packet of
// the count is taken for its scheduling; beyond, the sender has paused.
func deliveries(trace Trace, speech []int16, codec jitter.Payload) []delivery {
	if len(trace) == 0 {
		return nil
	}
	payloadType, encode := uint8(payloadPCMU), g711.EncodePCMU
	if codec == jitter.PCMA {
		payloadType, encode = payloadPCMA, g711.EncodePCMA
	}
	bySequence := slices.Clone(trace)
	slices.SortStableFunc(bySequence, func(a, b Packet) int { return cmp.Compare(a.SequenceNumber, b.SequenceNumber) })
	first := bySequence[0]
	base, number := samples(first.Sent), first.SequenceNumber
	out := make([]delivery, 0, len(trace))
	for _, p := range bySequence {
		offset := base + int64(p.SequenceNumber-number)*packetSize
		if drift := samples(p.Sent) - offset; max(drift, -drift) > packetSize/2 {
			offset = samples(p.Sent)
			base, number = offset, p.SequenceNumber
		}
		if p.Lost {
			continue
		}
		d := delivery{at: p.Arrived, sent: span(offset), payload: make([]byte, packetSize), header: jitter.Header{
			SequenceNumber: uint16(firstNumber + p.SequenceNumber - first.SequenceNumber),
			Timestamp:      uint32(firstStamp + offset),
			PayloadType:    payloadType,
			Marker:         p.SequenceNumber == first.SequenceNumber,
			SSRC:           replayedSSRC,
		}}
		var frame [packetSize]int16
		if offset < int64(len(speech)) {
			copy(frame[:], speech[offset:])
		}
		encode(d.payload, frame[:])
		out = append(out, d)
	}
	slices.SortStableFunc(out, func(a, b delivery) int { return cmp.Compare(a.at, b.at) })
	return out
}

func span(samples int64) time.Duration { return time.Duration(samples) * time.Second / clockRate }

func samples(d time.Duration) int64 { return int64(math.Round(d.Seconds() * clockRate)) }

func summarise(trace Trace, s jitter.Stats, delays []float64, frames int) Report {
	r := Report{
		Received:     s.Received,
		Late:         s.Late,
		Duplicate:    s.Duplicates,
		ConcealedMS:  ms(s.Concealed),
		StretchedMS:  ms(s.Stretched),
		CompressedMS: ms(s.Compressed),
	}
	arrived := make(map[int]bool, len(trace))
	for _, p := range trace {
		arrived[p.SequenceNumber] = arrived[p.SequenceNumber] || !p.Lost
	}
	for _, ok := range arrived {
		if !ok {
			r.Lost++
		}
	}
	if len(delays) == 0 {
		r.MOS = 1
		return r
	}
	slices.Sort(delays)
	for _, d := range delays {
		r.MeanDelayMS += d / float64(len(delays))
	}
	r.P95DelayMS = delays[(len(delays)*95+99)/100-1]
	lost := s.Lost + s.Late
	in := quality.Input{
		Loss:       r.ConcealedMS / max(float64(frames)*10, r.ConcealedMS),
		BurstRatio: quality.BurstRatio(lost, min(s.LossRuns, lost), s.Received+s.Lost),
		Delay:      time.Duration(r.MeanDelayMS * float64(time.Millisecond)),
	}
	r.MOS = round(in.MOS(), 2)
	r.MeanDelayMS, r.P95DelayMS = round(r.MeanDelayMS, 1), round(r.P95DelayMS, 1)
	return r
}

func ms(d time.Duration) float64 { return round(d.Seconds()*1000, 3) }

func round(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}
