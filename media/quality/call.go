package quality

import (
	"math"
	"time"
)

// Origin says where the figures of a Stream come from.
type Origin string

// The origins, worst to best known.
const (
	Unknown  Origin = ""         // nobody told anything yet
	Reported Origin = "rtcp"     // RFC 3550 reports; R and MOS are estimated from them here
	Extended Origin = "rtcp-xr"  // the peer's VoIP metrics too (RFC 3611 §4.7); R and MOS are its own
	Measured Origin = "measured" // on this side
)

// Call is how the sound of a call is, both ways, now or at its end. JSON has the
// units in the names: _ms is milliseconds, _percent 0 to 100, _dbm0 dBm0.
type Call struct {
	Local  Stream `json:"local"`  // what is heard here, as measured here
	Remote Stream `json:"remote"` // what is heard there, as the peer reports it
}

// Stream is one direction of a call as its receiver finds it. A figure that is
// not known is 0, but for counts and percentages, where 0 is as good as it gets;
// with Origin Unknown nothing is known at all.
type Stream struct {
	Origin Origin `json:"origin,omitempty"`

	// Packets, since the beginning. Discarded came, but too late to be heard.
	Expected  uint64 `json:"packets_expected"`
	Lost      int64  `json:"packets_lost"` // below 0 with doubles (RFC 3550 A.3)
	Discarded uint64 `json:"packets_discarded"`

	LossPercent       float64 `json:"loss_percent"`        // lost of expected, since the beginning
	DiscardPercent    float64 `json:"discard_percent"`     // discarded of expected, since the beginning
	RecentLossPercent float64 `json:"recent_loss_percent"` // between the last two reports (fraction lost, RFC 3550 §6.4.1)

	// Bursts and gaps, RFC 3611 §4.7.2 with Gmin 16.
	BurstPercent float64 `json:"burst_density_percent"` // missing of expected, within bursts
	GapPercent   float64 `json:"gap_density_percent"`   // missing of expected, within gaps
	BurstMS      float64 `json:"burst_ms"`              // mean length of a burst
	GapMS        float64 `json:"gap_ms"`                // mean length of a gap

	// Times. A delay has three parts: filling a packet, the network, and waiting
	// for playout.
	JitterMS        float64 `json:"jitter_ms"`             // interarrival jitter, now (RFC 3550 A.8)
	JitterMaxMS     float64 `json:"jitter_max_ms"`         // the most it was
	RTTMS           float64 `json:"rtt_ms"`                // round trip, network only, now
	PlayoutMS       float64 `json:"playout_ms"`            // playout buffer's delay, now
	PlayoutMaxMS    float64 `json:"playout_max_ms"`        // earliest packet that is not discarded
	PlayoutAbsMaxMS float64 `json:"playout_abs_max_ms"`    // the most the buffer may become
	EndSystemMS     float64 `json:"end_system_ms"`         // in the receiver, both ways: playout and filling its own packets
	DelayMS         float64 `json:"delay_ms"`              // mouth to ear, one way: packet time, half the round trip, playout
	SignalDBm0      float64 `json:"signal_dbm0,omitempty"` // speech, mean
	NoiseDBm0       float64 `json:"noise_dbm0,omitempty"`  // between words, mean

	// The E-model's opinion (ITU-T G.107), 0: no sound yet.
	R     float64 `json:"r_factor"` // conversational: delay counts; 0 to 100
	MOSLQ float64 `json:"mos_lq"`   // listening: delay does not count; 1.0 to 4.5
	MOSCQ float64 `json:"mos_cq"`   // conversational, from R; 1.0 to 4.5
}

// Count puts losses in.
func (s *Stream) Count(l Losses) {
	s.Expected, s.Lost, s.Discarded = l.Packets, int64(l.Lost), l.Discarded
	s.LossPercent, s.DiscardPercent = 100*l.LossRate(), 100*l.DiscardRate()
	s.BurstPercent, s.GapPercent = 100*l.BurstDensity(), 100*l.GapDensity()
	s.BurstMS, s.GapMS = MS(l.MeanBurst()), MS(l.MeanGap())
}

// Rate has the E-model judge what s holds, with loss and discard as counted,
// their burst ratio, and DelayMS.
func (s *Stream) Rate(burstRatio float64) {
	in := Input{
		Loss:       min(1, (s.LossPercent+s.DiscardPercent)/100),
		BurstRatio: burstRatio,
		Delay:      time.Duration(s.DelayMS * float64(time.Millisecond)),
	}
	s.R = in.R()
	s.MOSCQ = MOS(s.R)
	in.Delay = 0
	s.MOSLQ = in.MOS()
}

// Rounded is c with figures as short as they are meaningful, for showing.
func (c Call) Rounded() Call {
	return Call{Local: c.Local.rounded(), Remote: c.Remote.rounded()}
}

func (s Stream) rounded() Stream {
	for _, f := range []*float64{
		&s.LossPercent, &s.DiscardPercent, &s.RecentLossPercent, &s.BurstPercent, &s.GapPercent, &s.MOSLQ, &s.MOSCQ,
	} {
		*f = math.Round(*f*100) / 100
	}
	for _, f := range []*float64{
		&s.BurstMS, &s.GapMS, &s.JitterMS, &s.JitterMaxMS, &s.RTTMS, &s.PlayoutMS, &s.PlayoutMaxMS, &s.PlayoutAbsMaxMS,
		&s.EndSystemMS, &s.DelayMS, &s.SignalDBm0, &s.NoiseDBm0, &s.R,
	} {
		*f = math.Round(*f*10) / 10
	}
	return s
}
