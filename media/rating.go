package media

import (
	"time"

	"github.com/softphone-go/softphone/media/jitter"
	"github.com/softphone-go/softphone/media/quality"
)

// assumedPlayout is what is taken for the peer's playout delay as long as it does
// not tell in extended reports.
const assumedPlayout = 60 * time.Millisecond

// figures is what only the tick knows and quality is made of, beside Stats. It is
// a copy, for others to read.
type figures struct {
	fates     fates   // of all that was to be heard
	recent    float64 // share lost between the last two reports of ours
	jitterMax time.Duration
	theirTime time.Duration // sound in a packet of theirs
	ourTime   time.Duration // and of ours
	limit     time.Duration // the most the playout buffer may become
	signal    powers
	noise     powers

	reported uint64          // packets sent by the time of the peer's last report; 0: none came
	metrics  quality.Metrics // its last VoIP metrics
	extended bool            // there are some
}

// figure copies what the tick knows; working it out is left to who looks at it.
func (s *Session) figure(f *figures) {
	r := &s.reception
	f.fates = r.fates
	f.recent = s.reports.fraction
	f.jitterMax = jitterOf(r.jitterMax)
	f.theirTime = r.fates.length
	f.ourTime = defaultPTime
	if s.description != nil {
		f.ourTime = time.Duration(s.description.frames) * frameTime
	}
	f.limit = s.playout.Limit()
	f.signal, f.noise = s.levels.speech, s.levels.noise
	f.reported = s.reports.theirs.sent
	f.metrics, f.extended = s.reports.theirs.metrics, s.reports.theirs.known
}

// judge fills in Quality and the two scores beside it.
func (st *Stats) judge(p *jitter.Stats, f *figures) {
	st.Quality = quality.Call{Local: st.heardHere(p, f, f.fates.losses()), Remote: st.heardThere(f)}
	st.R, st.MOS = st.Quality.Local.R, st.Quality.Local.MOSCQ
}

// heardHere is the stream from the peer. Its delay, mouth to ear, is the time to
// fill a packet there, half the round trip, and the playout delay.
func (st *Stats) heardHere(p *jitter.Stats, f *figures, losses quality.Losses) quality.Stream {
	if p.Received == 0 {
		return quality.Stream{} // nothing was heard: no opinion
	}
	s := quality.Stream{
		Origin:            quality.Measured,
		RecentLossPercent: 100 * f.recent,
		JitterMS:          quality.MS(st.Jitter),
		JitterMaxMS:       quality.MS(f.jitterMax),
		RTTMS:             quality.MS(st.RTT),
		PlayoutMS:         quality.MS(p.MeanDelay),
		PlayoutMaxMS:      quality.MS(f.limit),
		PlayoutAbsMaxMS:   quality.MS(f.limit),
		EndSystemMS:       quality.MS(p.MeanDelay + f.ourTime),
		DelayMS:           quality.MS(f.theirTime + st.RTT/2 + p.MeanDelay),
		SignalDBm0:        f.signal.dBm0(),
		NoiseDBm0:         f.noise.dBm0(),
	}
	s.Count(losses)
	s.Rate(losses.BurstRatio())
	return s
}

// heardThere is the stream to the peer, as its reports have it. What it thinks of
// the sound stands above our estimate from its counts.
func (st *Stats) heardThere(f *figures) quality.Stream {
	if f.reported == 0 && !f.extended {
		return quality.Stream{}
	}
	var s quality.Stream
	if f.extended {
		s.Take(f.metrics)
	}
	playout := assumedPlayout
	if s.PlayoutMS > 0 {
		playout = time.Duration(s.PlayoutMS * float64(time.Millisecond))
	}
	if f.reported > 0 {
		s.LossPercent = 100 * min(1, float64(max(st.RemoteLost, 0))/float64(f.reported))
	}
	s.DelayMS = quality.MS(f.ourTime + st.RTT/2 + playout)
	s.Rate(1)
	s.Origin = quality.Reported
	if loss := s.LossPercent; f.extended {
		s.Take(f.metrics)
		if f.reported > 0 {
			s.LossPercent = loss // finer than the block's steps
		}
	}
	if s.RTTMS == 0 {
		s.RTTMS = quality.MS(st.RTT)
	}
	s.Expected, s.Lost = f.reported, st.RemoteLost
	s.Discarded = uint64(s.DiscardPercent / 100 * float64(s.Expected))
	s.RecentLossPercent = 100 * st.RemoteFractionLost
	s.JitterMS, s.JitterMaxMS = quality.MS(st.RemoteJitter), quality.MS(st.RemoteJitterMax)
	return s
}
