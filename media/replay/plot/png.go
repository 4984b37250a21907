package plot

import (
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"maps"
	"math"
	"slices"

	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// density is how many pixels a unit of the layout has.
const density = 2

// pixels is a canvas that paints, with anti-aliasing.
type pixels struct {
	image    *image.RGBA
	paint    *vector.Rasterizer
	polygons [][]point // added and not yet painted
	letters  *letters
}

func newPixels(width, height float64, l *letters) *pixels {
	w, h := int(math.Ceil(width*density)), int(math.Ceil(height*density))
	p := &pixels{image: image.NewRGBA(image.Rect(0, 0, w, h)), paint: vector.NewRasterizer(w, h), letters: l}
	draw.Draw(p.image, p.image.Bounds(), uniform(white), image.Point{}, draw.Src)
	return p
}

func (p *pixels) write(w io.Writer) error {
	e := png.Encoder{CompressionLevel: png.DefaultCompression}
	return e.Encode(w, paletted(p.image))
}

// paletted reduces an image to its 256 most frequent colours, which shortens the
// file to less than half: the rest are shades at the edges of lines.
func paletted(m *image.RGBA) *image.Paletted {
	count := make(map[color.RGBA]int)
	runs(m, func(c color.RGBA, from, to int) { count[c] += to - from })
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	var palette color.Palette
	for _, c := range colours[:min(len(colours), 256)] {
		palette = append(palette, c)
	}
	index := make(map[color.RGBA]uint8, len(colours))
	for _, c := range colours {
		index[c] = uint8(palette.Index(c))
	}
	out := image.NewPaletted(m.Rect, palette)
	runs(m, func(c color.RGBA, from, to int) {
		i := index[c]
		for at := from; at < to; at++ {
			out.Pix[at] = i
		}
	})
	return out
}

// runs calls do for each run of pixels of one colour.
func runs(m *image.RGBA, do func(c color.RGBA, from, to int)) {
	from, last := 0, pixel(m, 0)
	for at := 1; at < len(m.Pix)/4; at++ {
		if c := pixel(m, 4*at); c != last {
			do(last, from, at)
			from, last = at, c
		}
	}
	do(last, from, len(m.Pix)/4)
}

func pixel(m *image.RGBA, i int) color.RGBA {
	return color.RGBA{m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3]}
}

func uniform(c ink) image.Image {
	return image.NewUniform(color.RGBA{R: uint8(c >> 16), G: uint8(c >> 8), B: uint8(c), A: 0xFF})
}

func (p *pixels) lines(_ string, paths [][]point, s stroke) {
	if s.dash > 0 {
		paths = dashes(paths, s.dash)
	}
	for _, path := range paths {
		p.add(outline(path, s.width))
	}
	p.flush(s.ink)
}

func (p *pixels) shapes(_ string, polygons [][]point, fill ink) {
	p.add(polygons)
	p.flush(fill)
}

func (p *pixels) dots(_ string, at []point, radius float64, fill ink) {
	for _, c := range at {
		p.add([][]point{circle(c, radius, 12)})
	}
	p.flush(fill)
}

func (p *pixels) text(at point, s string, l lettering) {
	d := p.letters.drawer(l, density)
	d.Dst, d.Src = p.image, uniform(l.ink)
	x := at.x*density - l.anchor*float64(d.MeasureString(s))/64
	d.Dot = fixed.Point26_6{X: fixed.Int26_6(math.Round(x)) << 6, Y: fixed.Int26_6(math.Round(at.y*density)) << 6}
	d.DrawString(s)
}

func (p *pixels) add(polygons [][]point) { p.polygons = append(p.polygons, polygons...) }

// flush paints what was added, within the rectangle that holds it.
func (p *pixels) flush(c ink) {
	box := p.bounds()
	p.paint.Reset(box.Dx(), box.Dy())
	for _, polygon := range p.polygons {
		for i, at := range polygon {
			x, y := float32(at.x*density-float64(box.Min.X)), float32(at.y*density-float64(box.Min.Y))
			if i == 0 {
				p.paint.MoveTo(x, y)
			} else {
				p.paint.LineTo(x, y)
			}
		}
		p.paint.ClosePath()
	}
	p.paint.Draw(p.image, box, uniform(c), image.Point{})
	p.polygons = p.polygons[:0]
}

func (p *pixels) bounds() image.Rectangle {
	low, high := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, polygon := range p.polygons {
		for _, at := range polygon {
			low = point{min(low.x, at.x), min(low.y, at.y)}
			high = point{max(high.x, at.x), max(high.y, at.y)}
		}
	}
	if low.x > high.x {
		return image.Rectangle{}
	}
	return image.Rect(int(math.Floor(low.x*density)), int(math.Floor(low.y*density)),
		int(math.Ceil(high.x*density)), int(math.Ceil(high.y*density))).Intersect(p.image.Rect)
}
