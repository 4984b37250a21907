package audio

import (
	"io"
	"time"
)

type WAV struct {
	rate    int
	samples []int16
	note    string
}

func OpenWAV(path string) (*WAV, error)              { return &WAV{rate: Narrowband}, nil }
func DecodeWAV(r io.Reader) (*WAV, error)            { return &WAV{rate: Narrowband}, nil }
func NewWAV(rate int, samples []int16) (*WAV, error) { return &WAV{rate: rate, samples: samples}, nil }
func (w *WAV) Rate() int                             { return w.rate }
func (w *WAV) Samples() []int16                      { return w.samples }
func (w *WAV) SamplesAt(rate int) []int16            { return w.samples }
func (w *WAV) Duration() time.Duration               { return 0 }
func (w *WAV) Note() string                          { return w.note }
func (w *WAV) Source(loop bool) *Player              { return &Player{} }

type Player struct{}

func (p *Player) ReadFrame(f *Frame)      { f.Clear() }
func (p *Player) Done() bool              { return true }
func (p *Player) Position() time.Duration { return 0 }

type Recorder struct{}

func CreateWAV(path string, rate int) (*Recorder, error) { return &Recorder{}, nil }
func (r *Recorder) WriteFrame(f *Frame)                  {}
func (r *Recorder) Dropped() uint64                      { return 0 }
func (r *Recorder) Duration() time.Duration              { return 0 }
func (r *Recorder) Err() error                           { return nil }
func (r *Recorder) Close() error                         { return nil }

type Tone struct {
	Frequencies []float64
	Level       float64
	Cadence     []time.Duration
	Duration    time.Duration
}

func (t Tone) Source() *ToneSource { return &ToneSource{} }

type ToneSource struct{}

func (s *ToneSource) ReadFrame(f *Frame) { f.Clear() }
func (s *ToneSource) Done() bool         { return false }

func Ringback() Tone  { return Tone{} }
func Busy() Tone      { return Tone{} }
func Dial() Tone      { return Tone{} }
func Milliwatt() Tone { return Tone{} }

type Sequence struct{}

func NewSequence(sources ...Source) *Sequence { return &Sequence{} }
func (s *Sequence) ReadFrame(f *Frame)        { f.Clear() }
func (s *Sequence) Done() bool                { return true }

type Pause struct{}

func NewPause(d time.Duration) *Pause { return &Pause{} }
func (p *Pause) ReadFrame(f *Frame)   { f.Clear() }
func (p *Pause) Done() bool           { return true }

type Echo struct{}

func NewEcho() *Echo                { return &Echo{} }
func (e *Echo) ReadFrame(f *Frame)  { f.Clear() }
func (e *Echo) WriteFrame(f *Frame) {}

type Tee struct{}

func NewTee(sinks ...Sink) *Tee    { return &Tee{} }
func (t *Tee) WriteFrame(f *Frame) {}

type Tap struct{}

func NewTap(source Source, sink Sink) *Tap { return &Tap{} }
func (t *Tap) ReadFrame(f *Frame)          { f.Clear() }
func (t *Tap) Done() bool                  { return false }

type Buffer struct{}

func NewBuffer(rate int, max time.Duration) *Buffer { return &Buffer{} }
func (b *Buffer) WriteFrame(f *Frame)               {}
func (b *Buffer) Samples() []int16                  { return nil }
func (b *Buffer) Reset()                            {}

type Resampler struct{}

func NewResampler(from, to int) (*Resampler, error) { return &Resampler{}, nil }
func (r *Resampler) Process(dst, src []int16) int   { return 0 }
