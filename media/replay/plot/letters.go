package plot

import (
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
)

// letters is the Go typeface, which is part of the program: a picture looks the
// same on every computer.
type letters struct {
	regular, bold *opentype.Font
	faces         map[face]font.Face
}

type face struct {
	size float64
	bold bool
}

func newLetters() (*letters, error) {
	regular, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	bold, err := opentype.Parse(gobold.TTF)
	if err != nil {
		return nil, err
	}
	return &letters{regular, bold, make(map[face]font.Face)}, nil
}

// drawer returns what writes with l, at so many pixels to the unit.
func (t *letters) drawer(l lettering, density float64) font.Drawer {
	key := face{l.size * density, l.bold}
	if _, ok := t.faces[key]; !ok {
		f := t.regular
		if l.bold {
			f = t.bold
		}
		made, err := opentype.NewFace(f, &opentype.FaceOptions{Size: key.size, DPI: 72, Hinting: font.HintingNone})
		if err != nil { // not for these fonts and options
			return font.Drawer{}
		}
		t.faces[key] = made
	}
	return font.Drawer{Face: t.faces[key]}
}

// width is how far s goes.
func (t *letters) width(s string, l lettering) float64 {
	d := t.drawer(l, 1)
	return float64(d.MeasureString(s)) / 64
}
