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
	image   *image.RGBA
	paint   *vector.Rasterizer
	letters *letters
}

func newPixels(width, height float64, l *letters) *pixels {
	w, h := int(math.Ceil(width*density)), int(math.Ceil(height*density))
	p := &pixels{image: image.NewRGBA(image.Rect(0, 0, w, h)), paint: vector.NewRasterizer(w, h), letters: l}
	draw.Draw(p.image, p.image.Bounds(), uniform(white), image.Point{}, draw.Src)
	return p
}

func (p *pixels) write(w io.Writer) error {
	e := png.Encoder{CompressionLevel: png.BestCompression}
	return e.Encode(w, paletted(p.image))
}

// paletted reduces an image to its 256 most frequent colours, which shortens the
// file to less than half: the rest are shades at the edges of lines.
func paletted(m *image.RGBA) *image.Paletted {
	count := make(map[color.RGBA]int)
	for i := 0; i < len(m.Pix); i += 4 {
		count[pixel(m, i)]++
	}
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
	for i := range out.Pix {
		out.Pix[i] = index[pixel(m, 4*i)]
	}
	return out
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

func (p *pixels) add(polygons [][]point) {
	for _, polygon := range polygons {
		for i, at := range polygon {
			x, y := float32(at.x*density), float32(at.y*density)
			if i == 0 {
				p.paint.MoveTo(x, y)
			} else {
				p.paint.LineTo(x, y)
			}
		}
		p.paint.ClosePath()
	}
}

// flush paints what was added.
func (p *pixels) flush(c ink) {
	p.paint.Draw(p.image, p.image.Bounds(), uniform(c), image.Point{})
	p.paint.Reset(p.image.Bounds().Dx(), p.image.Bounds().Dy())
}
