package plot

import "math"

// point is a place on a canvas: units of the layout, y downwards.
type point struct{ x, y float64 }

// ink is a colour as 0xRRGGBB.
type ink uint32

// The palette. Its lightness falls in the order of the list, and blue, orange
// and red stay apart for all common kinds of colour blindness.
const (
	white      ink = 0xFFFFFF
	grid       ink = 0xE9ECEF
	frame      ink = 0xADB5BD
	packet     ink = 0x9DB4C8 // light: thousands of them are the background
	target     ink = 0xE69F00
	compressed ink = 0x3A8FCC
	late       ink = 0xD55E00
	stretched  ink = 0x007A5A
	concealed  ink = 0xA0447F
	playout    ink = 0x0A4A82
	muted      ink = 0x5C636A
	black      ink = 0x1B1E21
)

// stroke is how a line is drawn. dash is the length of dashes and gaps, 0 for
// none.
type stroke struct {
	ink         ink
	width, dash float64
}

// lettering is how text is written. anchor is 0 for text that begins at its
// point, 0.5 for the middle and 1 for text that ends there.
type lettering struct {
	ink    ink
	size   float64
	bold   bool
	anchor float64
}

// canvas is what a figure is drawn on. Shapes of one call are of one colour, and
// where they overlap they are one. The group tells an SVG's reader, and a test,
// what it looks at.
type canvas interface {
	lines(group string, paths [][]point, s stroke)
	shapes(group string, polygons [][]point, fill ink)
	dots(group string, at []point, radius float64, fill ink)
	text(at point, s string, l lettering)
}

func rectangle(x, y, w, h float64) []point {
	return []point{{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}}
}

// circle approximates one well enough for dots.
func circle(c point, r float64, corners int) []point {
	p := make([]point, corners)
	for i := range p {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(corners))
		p[i] = point{c.x + r*cos, c.y + r*sin}
	}
	return p
}

// dashes cuts paths into dashes as long as the gaps between them.
func dashes(paths [][]point, dash float64) [][]point {
	var out [][]point
	for _, path := range paths {
		left, on := dash, true
		piece := []point{path[0]}
		for i := 1; i < len(path); i++ {
			a, b := path[i-1], path[i]
			length := math.Hypot(b.x-a.x, b.y-a.y)
			at := 0.0
			for length-at > left {
				at += left
				p := point{a.x + (b.x-a.x)*at/length, a.y + (b.y-a.y)*at/length}
				if on {
					out = append(out, append(piece, p))
				}
				piece, on, left = []point{p}, !on, dash
			}
			left -= length - at
			if on {
				piece = append(piece, b)
			}
		}
		if on && len(piece) > 1 {
			out = append(out, piece)
		}
	}
	return out
}

// outline returns the area that a line of this width covers: a rectangle for
// each part and a disc at each corner. All go round the same way, so that they
// unite.
func outline(path []point, width float64) [][]point {
	r := width / 2
	var out [][]point
	for i, p := range path {
		if i > 0 && i < len(path)-1 {
			out = append(out, circle(p, r, 8))
		}
		if i == 0 {
			continue
		}
		a := path[i-1]
		length := math.Hypot(p.x-a.x, p.y-a.y)
		if length == 0 {
			continue
		}
		nx, ny := (a.y-p.y)/length*r, (p.x-a.x)/length*r
		out = append(out, []point{{a.x - nx, a.y - ny}, {p.x - nx, p.y - ny}, {p.x + nx, p.y + ny}, {a.x + nx, a.y + ny}})
	}
	return out
}
