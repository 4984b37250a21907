package plot

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
)

// vectors is a canvas that writes SVG 1.1. All shapes of a kind share a path of
// many parts, which keeps the file small.
type vectors struct{ out bytes.Buffer }

func newVectors(width, height float64, title string) *vectors {
	v := &vectors{}
	v.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s"`+
		` font-family="Go, 'Helvetica Neue', Helvetica, Arial, sans-serif">`+"\n",
		number(width), number(height), number(width), number(height))
	v.printf("<title>%s</title>\n", escaped(title))
	v.printf(`<rect width="%s" height="%s" fill="%s"/>`+"\n", number(width), number(height), hex(white))
	return v
}

func (v *vectors) write(w io.Writer) error {
	v.printf("</svg>\n")
	_, err := w.Write(v.out.Bytes())
	return err
}

func (v *vectors) printf(format string, args ...any) { fmt.Fprintf(&v.out, format, args...) }

func (v *vectors) lines(group string, paths [][]point, s stroke) {
	v.printf(`<path id="%s" fill="none" stroke="%s" stroke-width="%s" stroke-linejoin="round"`, group, hex(s.ink), number(s.width))
	if s.dash > 0 {
		v.printf(` stroke-dasharray="%s"`, number(s.dash))
	}
	v.out.WriteString(` d="`)
	for _, p := range paths {
		v.path(p)
	}
	v.out.WriteString("\"/>\n")
}

func (v *vectors) shapes(group string, polygons [][]point, fill ink) {
	v.printf(`<path id="%s" fill="%s" stroke="none" d="`, group, hex(fill))
	for _, p := range polygons {
		v.path(p)
		v.out.WriteByte('z')
	}
	v.out.WriteString("\"/>\n")
}

// dots are lines of no length with round ends.
func (v *vectors) dots(group string, at []point, radius float64, fill ink) {
	v.printf(`<path id="%s" fill="none" stroke="%s" stroke-width="%s" stroke-linecap="round" d="`, group, hex(fill), number(2*radius))
	for _, p := range at {
		v.printf("M%s %sh0", number(p.x), number(p.y))
	}
	v.out.WriteString("\"/>\n")
}

func (v *vectors) text(at point, s string, l lettering) {
	v.printf(`<text x="%s" y="%s" font-size="%s" fill="%s" stroke="none"`, number(at.x), number(at.y), number(l.size), hex(l.ink))
	if l.bold {
		v.out.WriteString(` font-weight="bold"`)
	}
	switch l.anchor {
	case 0.5:
		v.out.WriteString(` text-anchor="middle"`)
	case 1:
		v.out.WriteString(` text-anchor="end"`)
	}
	v.printf(">%s</text>\n", escaped(s))
}

func (v *vectors) path(p []point) {
	for i, at := range p {
		command := "L"
		if i == 0 {
			command = "M"
		}
		v.printf("%s%s %s", command, number(at.x), number(at.y))
	}
}

// number writes a coordinate to a hundredth of a unit.
func number(f float64) string {
	text := strconv.AppendFloat(nil, f, 'f', 2, 64)
	text = bytes.TrimRight(text, "0")
	return string(bytes.TrimSuffix(text, []byte(".")))
}

func hex(c ink) string { return fmt.Sprintf("#%06X", uint32(c)) }

// escaped makes text safe inside an element. What XML cannot hold becomes U+FFFD.
func escaped(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}
