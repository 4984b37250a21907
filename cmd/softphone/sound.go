package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/media/audio"
)

// sound makes the two ends of each call's sound from --play, --record and
// --echo.
type sound struct {
	play   string
	loop   bool
	record string
	mode   string // of recording
	echo   bool

	mu    sync.Mutex
	wav   *audio.WAV
	calls int
	open  []*audio.Recorder
}

// addRecord gives cmd the flags of recording.
func (s *sound) addRecord(cmd *cobra.Command, record string) {
	cmd.Flags().StringVar(&s.record, "record", "", record)
	cmd.Flags().StringVar(&s.mode, "record-mode", audio.Heard.String(),
		"what --record holds: `heard` (the other side), mix (both) or stereo (this side left, the other right)")
}

// check reads what is to be played and looks at where to record before any call
// is made.
func (s *sound) check() error {
	if s.echo && s.play != "" {
		return usagef("--echo and --play exclude each other: both say what the other side hears")
	}
	if _, err := audio.ParseRecording(s.mode); s.mode != "" && err != nil {
		return usagef("--record-mode: %w", err)
	}
	if s.record == "" && s.mode != "" && s.mode != audio.Heard.String() {
		return usagef("--record-mode %s records nothing by itself; give --record FILE too", s.mode)
	}
	if err := s.checkRecord(); err != nil || s.play == "" {
		return err
	}
	wav, err := audio.OpenWAV(s.play)
	if err != nil {
		return usagef("--play: %w", err)
	}
	s.wav = wav
	return nil
}

// checkRecord finds out early that a recording cannot be written, or would
// replace what is to be played.
func (s *sound) checkRecord() error {
	if s.record == "" {
		return nil
	}
	dir := filepath.Dir(s.record)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return usagef("--record %s: there is no folder %s; make it first", s.record, dir)
	}
	there, err := os.Stat(s.record)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return usagef("--record %s: cannot be looked at: %w; give another file", s.record, err)
	}
	if there.IsDir() {
		return usagef("--record %s is a folder; give the name of a file", s.record)
	}
	if played, err := os.Stat(s.play); err == nil && os.SameFile(there, played) {
		return usagef("--record and --play are the same file %s; the recording would replace it", s.play)
	}
	return nil
}

// ends is the sound of one call.
type ends struct {
	source   audio.Source
	sink     audio.Sink
	monitor  audio.Monitor // nil: nothing records both sides
	recorder *audio.Recorder
}

// next returns the sound of one more call. The first records into the file as
// given, the next into NAME-2, NAME-3 and so on.
func (s *sound) next() (ends, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	e := ends{source: audio.Silence{}}
	var sinks []audio.Sink
	switch {
	case s.wav != nil:
		e.source = s.wav.Source(s.loop)
	case s.echo:
		echo := audio.NewEcho()
		e.source, sinks = echo, append(sinks, echo)
	}
	if s.record != "" {
		path := s.record
		if s.calls > 1 {
			ext := filepath.Ext(path)
			path = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(path, ext), s.calls, ext)
		}
		mode, _ := audio.ParseRecording(s.mode) // checked; else Heard
		r, err := audio.CreateRecording(path, audio.Narrowband, mode)
		if err != nil {
			return ends{}, usagef("--record: %w", err)
		}
		e.recorder = r
		s.open = append(s.open, r)
		if mode == audio.Heard {
			sinks = append(sinks, r)
		} else {
			e.monitor = r
		}
	}
	switch len(sinks) {
	case 0:
		e.sink = audio.Discard{}
	case 1:
		e.sink = sinks[0]
	default:
		e.sink = audio.NewTee(sinks...)
	}
	return e, nil
}

// finish closes one call's recording.
func (e ends) finish() error {
	if e.recorder == nil {
		return nil
	}
	err := e.recorder.Close()
	if n := e.recorder.Dropped(); n > 0 {
		err = errors.Join(err, fmt.Errorf("%s: %d frames of 10 ms are missing, the disk was too slow", e.recorder.Path(), n))
	}
	return err
}
