package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/media/jitter"
	"github.com/softphone-go/softphone/media/replay"
)

// tone is something for the engine to play.
func tone(n int) []int16 {
	s := make([]int16, n)
	for i := range s {
		s[i] = int16(8000 * math.Sin(float64(i)/9) * max(0, math.Sin(float64(i)/4000)))
	}
	return s
}

// replayed is a figure of a generated trace.
func replayed(m replay.Model, seed uint64, packets int, cfg jitter.Config) (Figure, replay.Trace) {
	trace := replay.Generate(m, seed, packets)
	f := Figure{Title: m.String(), Note: "generated"}
	_, f.Report = replay.Run(trace, tone(packets*160), replay.Options{Jitter: cfg, Record: &f.Record})
	return f, trace
}

// element is one of an SVG.
type element struct {
	name, id, d string
}

// parse reads a picture as XML and returns its elements by id, and all text.
func parse(t testing.TB, svg []byte) (byID map[string]element, texts []string) {
	t.Helper()
	byID = make(map[string]element)
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	depth, inText := 0, false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			require.Zero(t, depth)
			return byID, texts
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			e := element{name: token.Name.Local}
			for _, a := range token.Attr {
				assert.NotContains(t, a.Value, "NaN")
				switch a.Name.Local {
				case "id":
					e.id = a.Value
				case "d":
					e.d = a.Value
				}
			}
			if e.id != "" {
				require.NotContains(t, byID, e.id, "an id is used once")
				byID[e.id] = e
			}
			inText = e.name == "text"
		case xml.EndElement:
			depth--
			inText = false
		case xml.CharData:
			if inText {
				texts = append(texts, string(token))
			}
		}
	}
}

func (e element) marks() int { return strings.Count(e.d, "M") }

func drawn(t testing.TB, format Format, f Figure) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Draw(&out, format, f))
	return out.Bytes()
}

func TestSVG_HasAMarkForEachThing(t *testing.T) {
	for _, m := range replay.Models() {
		f, trace := replayed(m, 1, 1500, jitter.Config{})
		byID, texts := parse(t, drawn(t, SVG, f))
		lost := 0
		for _, p := range trace {
			if p.Lost {
				lost++
			}
		}
		assert.Equal(t, lost, byID["lost"].marks(), m)
		assert.Equal(t, int(f.Report.Late), byID["late"].marks(), m)
		assert.Equal(t, len(trace)-lost, byID["packets"].marks()+byID["late-packets"].marks()+byID["beyond"].marks(), m)
		stretched, compressed, concealed := 0, 0, time.Duration(0)
		for _, moment := range f.Record.Moments {
			if moment.Stretched > 0 {
				stretched++
			}
			if moment.Compressed > 0 {
				compressed++
			}
			concealed += moment.Concealed
		}
		assert.Equal(t, stretched, byID["stretched"].marks(), m)
		assert.Equal(t, compressed, byID["compressed"].marks(), m)
		assert.Equal(t, concealed > 0, byID["concealed"].marks() > 0, m)
		assert.InDelta(t, f.Report.ConcealedMS, concealed.Seconds()*1000, 0.01, "%v: the record holds what the report sums up", m)
		assert.Positive(t, byID["playout"].marks(), m)
		assert.Positive(t, byID["target"].marks(), m)
		text := strings.Join(texts, "\n")
		for _, want := range []string{m.String(), "generated", "packets received", "playout delay", "Time at the listener", "0 s", "MOS"} {
			assert.Contains(t, text, want, m)
		}
	}
}

func TestSVG_TextIsEscaped(t *testing.T) {
	f, _ := replayed(replay.WiFi, 1, 200, jitter.Config{})
	f.Title = `<script>alert("x & y")</script>` + "\x00\xff"
	svg := drawn(t, SVG, f)
	_, texts := parse(t, svg)
	assert.Contains(t, texts, `<script>alert("x & y")</script>`+"\uFFFD\uFFFD")
	assert.NotContains(t, string(svg), "<script")
}

func TestLatePacketsAreMarked(t *testing.T) {
	// A delay that is kept, and packets that are overtaken by more than that.
	f, _ := replayed(replay.Reorder, 2, 1500, jitter.Config{Fixed: true, Target: 20 * time.Millisecond, Min: 20 * time.Millisecond})
	require.Positive(t, f.Report.Late)
	byID, _ := parse(t, drawn(t, SVG, f))
	assert.Equal(t, int(f.Report.Late), byID["late"].marks())
	assert.Positive(t, byID["late-packets"].marks())
}

func TestPNG_IsAPicture(t *testing.T) {
	f, _ := replayed(replay.WiFi, 1, 1500, jitter.Config{})
	raw := drawn(t, PNG, f)
	assert.Equal(t, raw, drawn(t, PNG, f), "the same figure, the same file")
	assert.Less(t, len(raw), 150_000)
	picture, err := png.Decode(bytes.NewReader(raw))
	require.NoError(t, err)
	assert.Equal(t, pageWidth*density, picture.Bounds().Dx())
	assert.Equal(t, pageEnd*density, picture.Bounds().Dy())
	count := map[color.Color]int{}
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			count[picture.At(x, y)]++
		}
	}
	for name, c := range map[string]ink{"white": white, "packets": packet, "playout": playout, "target": target, "lost": black, "concealed": concealed, "compressed": compressed} {
		assert.Greater(t, count[color.RGBA{uint8(c >> 16), uint8(c >> 8), uint8(c), 255}], 100, "pixels of %s", name)
	}
}

// Without colour the inks of the panel still differ.
func TestPalette_InGreyscale(t *testing.T) {
	grey := func(c ink) float64 {
		return 0.2126*float64(c>>16) + 0.7152*float64(c>>8&0xFF) + 0.0722*float64(c&0xFF)
	}
	inks := []ink{white, packet, late, playout}
	for i := 1; i < len(inks); i++ {
		assert.Greater(t, grey(inks[i-1])-grey(inks[i]), 35.0, "%06X and %06X", uint32(inks[i-1]), uint32(inks[i]))
	}
	assert.Greater(t, grey(target)-grey(playout), 80.0)
}

func TestDraw_APart(t *testing.T) {
	f, _ := replayed(replay.WiFi, 1, 1500, jitter.Config{})
	f.From, f.To = 4*time.Second, 4500*time.Millisecond
	byID, texts := parse(t, drawn(t, SVG, f))
	assert.InDelta(t, 25, byID["packets"].marks(), 12)
	assert.Contains(t, texts, "4.20 s")
	for _, span := range [][2]time.Duration{{5 * time.Second, 4 * time.Second}, {time.Hour, 0}, {-time.Second, 0}, {3 * time.Second, 3 * time.Second}} {
		f.From, f.To = span[0], span[1]
		require.ErrorIs(t, Draw(io.Discard, SVG, f), ErrSpan, "%v", span)
	}
}

func TestDraw_OddRecords(t *testing.T) {
	require.ErrorIs(t, Draw(io.Discard, PNG, Figure{}), ErrNothing)
	for name, trace := range map[string]replay.Trace{
		"all lost":   {{SequenceNumber: 0, Lost: true}, {SequenceNumber: 1, Sent: 20 * time.Millisecond, Lost: true}},
		"one":        {{SequenceNumber: 0, Arrived: 5 * time.Millisecond}},
		"later on":   {{SequenceNumber: 0}, {SequenceNumber: 15_000, Sent: 5 * time.Minute, Arrived: 5 * time.Minute}},
		"came early": {{SequenceNumber: 0, Sent: time.Second}, {SequenceNumber: 1, Sent: time.Second, Arrived: 3 * time.Millisecond}},
	} {
		var f Figure
		_, f.Report = replay.Run(trace, tone(1000), replay.Options{Record: &f.Record})
		for _, format := range []Format{SVG, PNG} {
			var out bytes.Buffer
			require.NoError(t, Draw(&out, format, f), name)
			if format == SVG {
				parse(t, out.Bytes())
			}
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestDraw_WriterFails(t *testing.T) {
	f, _ := replayed(replay.Clean, 1, 100, jitter.Config{})
	for _, format := range []Format{PNG, SVG} {
		require.ErrorContains(t, Draw(broken{}, format, f), "disk full")
	}
}

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]Format{"a.png": PNG, "dir.svg/a.PNG": PNG, "a.b.svg": SVG} {
		got, err := FormatOf(name)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, name := range []string{"a.jpg", "a", "png", "a.", "dir.svg/a"} {
		_, err := FormatOf(name)
		require.ErrorContains(t, err, "use .png or .svg", name)
	}
}

func TestTicks(t *testing.T) {
	for length, want := range map[float64]float64{60: 10, 61: 20, 185: 50, 420: 100, 1: 0.2} {
		assert.InDelta(t, want, niceStep(length, 6), 1e-9, "%v", length)
	}
	for length, want := range map[time.Duration]time.Duration{
		72 * time.Second: 10 * time.Second, 2 * time.Second: 200 * time.Millisecond, time.Hour: 5 * time.Minute, 24 * time.Hour: time.Hour,
	} {
		assert.Equal(t, want, timeStep(length, 12), length)
	}
	assert.Equal(t, "30 s", clockText(30*time.Second, 10*time.Second, time.Minute))
	assert.Equal(t, "1.5 s", clockText(1500*time.Millisecond, 500*time.Millisecond, 2*time.Second))
	assert.Equal(t, "12:30", clockText(750*time.Second, 30*time.Second, 20*time.Minute))
	assert.Equal(t, "1:02:00", clockText(3720*time.Second, time.Hour, 3*time.Hour))
}

func TestDashes(t *testing.T) {
	got := dashes([][]point{{{0, 0}, {7, 0}, {7, 5}}}, 3)
	assert.Equal(t, [][]point{{{0, 0}, {3, 0}}, {{6, 0}, {7, 0}, {7, 2}}}, got)
}

func BenchmarkDraw(b *testing.B) {
	f, _ := replayed(replay.WiFi, 1, 3600, jitter.Config{})
	for name, format := range map[string]Format{"PNG": PNG, "SVG": SVG} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, Draw(io.Discard, format, f))
			}
		})
	}
}
