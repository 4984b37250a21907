package media

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/dtmf"
	"github.com/softphone-go/softphone/media/offer"
)

// settings is what other goroutines leave for the next tick.
type settings struct {
	applying    sync.Mutex // orders Apply; the tick never takes it
	description atomic.Pointer[description]
	source      atomic.Pointer[audio.Source]
	sink        atomic.Pointer[audio.Sink]
	monitor     atomic.Pointer[audio.Monitor]
	gain        audio.Gain // of the Source, mute too; Process is the tick's
	ended       atomic.Bool
	timeout     atomic.Pointer[time.Duration] // to be counted from the next tick on

	digits  chan digitRequest
	waiting atomic.Int64 // requests not yet taken by the tick
	sending atomic.Bool  // the encoder has digits to send
}

type digitRequest struct {
	digits  string
	on, gap time.Duration
}

// Apply puts p into force from the next tick on, all of it at once. It may be
// called any number of times: for early media, the answer, and each re-INVITE.
// SSRC, sequence numbers, timestamps and payload types known before stay. The
// source is latched anew (RFC 4961): with a new remote address, media goes there
// until a packet came; with the same one, the address learned before is kept
// until another is heard. A key known before goes on where it was. It fails, changing nothing, with parameters that the
// package cannot carry, and with ErrClosed.
func (s *Session) Apply(p offer.Params) error {
	s.settings.applying.Lock()
	defer s.settings.applying.Unlock()
	if s.settings.ended.Load() {
		return ErrClosed
	}
	d, err := describe(p, s.settings.description.Load())
	if err == nil {
		err = s.keyring.secure(d, p)
	}
	if err != nil {
		return err
	}
	s.settings.description.Store(d)
	return nil
}

// SetSource says where sound to send comes from, from the next tick on; nil is
// silence. The Source is read only while media is sent: on hold it waits.
func (s *Session) SetSource(src audio.Source) {
	if src == nil {
		s.settings.source.Store(nil)
		return
	}
	s.settings.source.Store(&src)
}

// SetSink says where sound received goes, from the next tick on; nil forgets it.
// After the first Apply the Sink gets one frame for every 10 ms, silence on hold,
// so that a recording keeps the time.
func (s *Session) SetSink(sink audio.Sink) {
	if sink == nil {
		s.settings.sink.Store(nil)
		return
	}
	s.settings.sink.Store(&sink)
}

// SetMuted sends silence in place of the Source, which is read on. Digits are
// sent all the same.
func (s *Session) SetMuted(on bool) { s.settings.gain.SetMuted(on) }

// Muted says what SetMuted was last given.
func (s *Session) Muted() bool { return s.settings.gain.Muted() }

// SetGain makes the Source louder or softer by dB, from audio.MinGain to
// audio.MaxGain; what becomes too loud is clipped. Nothing else follows the level.
func (s *Session) SetGain(dB float64) { s.settings.gain.SetDB(dB) }

// SetTimeout has OnTimeout called after d without a sign of life, counted from
// now; 0 is never. It takes the place of SessionConfig.Timeout.
func (s *Session) SetTimeout(d time.Duration) { s.settings.timeout.Store(&d) }

// SendDigits queues key presses (0-9, *, #, A-D), each held for on and followed by
// a pause of at least gap; 0 stands for the defaults of media/dtmf. They go as
// telephone events (RFC 4733) or as tones: see DigitMode. It does not wait. While
// a digit is sent, it takes the place of sound. On hold, digits wait. It fails
// with ErrNoEvents when only events may be sent and the peer takes none, or when
// nothing was applied yet, with ErrQueueFull, with ErrClosed, and when the digits
// are no digits.
func (s *Session) SendDigits(digits string, on, gap time.Duration) error {
	if s.settings.ended.Load() {
		return ErrClosed
	}
	if d := s.settings.description.Load(); d == nil || d.EventSend == 0 && s.cfg.Digits == DigitsEvents {
		return ErrNoEvents
	}
	var check dtmf.Encoder
	if err := check.Queue(digits, on, gap); err != nil {
		return fmt.Errorf("media: cannot send digits: %w", err)
	}
	s.settings.waiting.Add(1)
	select {
	case s.settings.digits <- digitRequest{digits, on, gap}:
		return nil
	default:
		s.settings.waiting.Add(-1)
		return ErrQueueFull
	}
}

// DigitsPending says whether a digit is being sent or waits to be.
func (s *Session) DigitsPending() bool {
	return s.settings.waiting.Load() > 0 || s.settings.sending.Load()
}

// adopt takes over what was set since the last tick.
func (s *Session) adopt() {
	if d := s.settings.description.Load(); d != s.description {
		s.enforce(d)
	}
	if s.settings.timeout.Load() != nil {
		if d := s.settings.timeout.Swap(nil); d != nil {
			s.watch.timeout = *d
			s.watch.restart(s.step.at(0))
		}
	}
	for {
		select {
		case r := <-s.settings.digits:
			if err := s.queueDigits(r); err != nil {
				s.log.Warn("digits are not sent", "error", err)
			}
			s.settings.sending.Store(s.digitsActive())
			s.settings.waiting.Add(-1)
		default:
			return
		}
	}
}

// enforce replaces the description in force by d.
func (s *Session) enforce(d *description) {
	before, now := s.description, s.step.at(0)
	if before == nil {
		s.await(now)
	}
	s.description = d
	s.shieldWith(d, now)
	for pt, kind := range d.payloads {
		if before == nil || before.payloads[pt] != kind {
			s.playout.Map(uint8(pt), kind)
		}
	}
	s.latch.describe(d.Remote, now)
	s.rtcpLatch.describe(d.RemoteRTCP, now)
	if before.receives() && !d.receives() {
		s.playout.Reset() // what comes after a hold has nothing to do with what was
		s.events.Reset()
	}
	if d.receives() && (!before.receives() || d.RemoteHold != before.RemoteHold || d.Remote != before.Remote) {
		s.watch.restart(now)
	}
	if d.EventSend == 0 {
		s.sender.encoder.Clear()
	}
	s.tune(d)
	if before == nil || before.Remote != d.Remote {
		s.sender.marker = true
	}
	if !s.reports.timer.started && d.RemoteRTCP.IsValid() {
		s.startReports(now)
	}
}
