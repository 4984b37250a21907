package media

import (
	"time"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/offer"
)

// Session is the media of one call.
type Session struct{ socket *Socket }

func NewSession(cfg SessionConfig) (*Session, error) { return &Session{socket: cfg.Socket}, nil }

func (s *Session) Apply(p offer.Params) error                            { return nil }
func (s *Session) SetSource(src audio.Source)                            {}
func (s *Session) SetSink(sink audio.Sink)                               {}
func (s *Session) SetMuted(on bool)                                      {}
func (s *Session) Muted() bool                                           { return false }
func (s *Session) DigitsPending() bool                                   { return false }
func (s *Session) Tick(n uint64)                                         {}
func (s *Session) Stats() Stats                                          { return Stats{} }
func (s *Session) Close() error                                          { return s.socket.Close() }
func (s *Session) SendDigits(digits string, on, gap time.Duration) error { return nil }
