package plot

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/softphone-go/softphone/media/replay"
)

// Errors of a Figure that cannot be drawn.
var (
	ErrNothing = errors.New("nothing was played, so there is nothing to draw")
	ErrSpan    = errors.New("the part to be drawn holds nothing: it must begin before its end and before the end of the trace")
)

// Figure is what is drawn.
type Figure struct {
	Title  string // in bold above it, such as the name of the trace
	Note   string // beside the title, such as codec and speech; may be empty
	Record replay.Record
	Report replay.Report

	// From and To bound the part that is drawn, on the listener's clock; To 0
	// stands for the end. The figures under the title are of the whole replay.
	From, To time.Duration
}

// Format is a format of picture.
type Format int

// The formats there are.
const (
	PNG Format = iota // 2 pixels for each unit of the layout, for screens and print
	SVG
)

// FormatOf takes the format from the ending of a file's name.
func FormatOf(name string) (Format, error) {
	switch ext := strings.ToLower(filepath.Ext(name)); ext {
	case ".png":
		return PNG, nil
	case ".svg":
		return SVG, nil
	case "":
		return 0, fmt.Errorf("the picture's name %q has no ending: use .png or .svg", name)
	default:
		return 0, fmt.Errorf("pictures cannot be drawn as %s: use .png or .svg", ext)
	}
}

// Draw writes the picture. It fails when there is nothing to draw, or with the
// writer's error.
func Draw(w io.Writer, format Format, f Figure) error {
	l, err := newLayout(f)
	if err != nil {
		return err
	}
	if format == SVG {
		c := newVectors(l.width, l.height, f.Title)
		l.draw(c)
		return c.write(w)
	}
	c := newPixels(l.width, l.height, l.letters)
	l.draw(c)
	return c.write(w)
}
