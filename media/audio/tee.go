package audio

// Tee is a Sink that hands each frame to several.
type Tee struct{ sinks []Sink }

// NewTee writes to sinks in the order given; nil ones are left out.
func NewTee(sinks ...Sink) *Tee {
	t := &Tee{}
	for _, s := range sinks {
		if s != nil {
			t.sinks = append(t.sinks, s)
		}
	}
	return t
}

// WriteFrame hands f to every sink.
func (t *Tee) WriteFrame(f *Frame) {
	for _, s := range t.sinks {
		s.WriteFrame(f)
	}
}

// Tap is a Source that passes another one on and shows each frame to a Sink: it
// records what is being said. It is done when the other one is.
type Tap struct {
	source Source
	sink   Sink
}

// NewTap reads from source and shows what it read to sink.
func NewTap(source Source, sink Sink) *Tap { return &Tap{source: source, sink: sink} }

// ReadFrame reads a frame and shows it.
func (t *Tap) ReadFrame(f *Frame) {
	t.source.ReadFrame(f)
	t.sink.WriteFrame(f)
}

// Done says whether the source is done; one that is not Finite never is.
func (t *Tap) Done() bool {
	finite, ok := t.source.(Finite)
	return ok && finite.Done()
}
