package media

import "github.com/softphone-go/softphone/media/audio"

// SetMonitor shows both sides of the call to m, from the next tick on; nil forgets
// it. After the first Apply it gets a pair of frames for every 10 ms, so both
// sides stay in step for as long as the call lasts: the local one as it is sent,
// after gain and mute and with the tones of digits, the remote one as the Sink
// gets it. A side that sends nothing, as on hold, is silence. Digits that go as
// telephone events leave no trace in the sound.
func (s *Session) SetMonitor(m audio.Monitor) {
	if m == nil {
		s.settings.monitor.Store(nil)
		return
	}
	s.settings.monitor.Store(&m)
}

// observer is the tick's own part of SetMonitor.
type observer struct {
	to    *audio.Monitor // in this frame
	heard audio.Frame    // what was heard in it; without samples before there was a Monitor
}

// remember keeps what was heard, since what is said takes its place.
func (s *Session) remember() {
	o := &s.observer
	if o.to = s.settings.monitor.Load(); o.to == nil {
		return
	}
	if o.heard.Samples == nil {
		o.heard = audio.Frame{Rate: clockRate, Samples: make([]int16, frameSize)}
	}
	copy(o.heard.Samples, s.frame.Samples)
}

// observe shows the frame that was said and the one that was heard.
func (s *Session) observe() {
	o := &s.observer
	if s.description == nil || o.to == nil {
		return
	}
	if !s.description.sends() {
		s.frame.Clear()
	}
	(*o.to).WriteFrames(&s.frame, &o.heard)
	o.to = nil
}
