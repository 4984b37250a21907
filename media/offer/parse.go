package offer

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Bounds on what a peer may send. A browser's offer of audio, video and data
// is about 10 KiB and 250 lines.
const (
	maxBody    = 64 << 10 // octets
	maxLines   = 2000
	maxMedia   = 64  // m= lines
	maxFormats = 128 // formats kept of one m= line: there are no more payload types
)

// description is the part of an SDP body that offer/answer looks at.
type description struct {
	conn  *field // c= of the session
	times []sdp.TimeDescription
	attrs []field
	media []*stream
}

// field is one line: its text after "x=", and where it stood.
type field struct {
	line int
	text string
}

// attribute splits "key:value" of an a= line.
func (f field) attribute() (key, value string) {
	key, value, _ = strings.Cut(f.text, ":")
	return key, strings.TrimSpace(value)
}

// stream is one m= line with what belongs to it.
type stream struct {
	field
	media   string
	port    uint16
	proto   string
	formats []string
	conn    *field
	attrs   []field
}

// attribute is the value of the first attribute of that name.
func (s *stream) attribute(key string) (value string, line field, ok bool) {
	return findAttribute(s.attrs, key)
}

func findAttribute(attrs []field, key string) (value string, line field, ok bool) {
	for _, a := range attrs {
		if k, v := a.attribute(); strings.EqualFold(k, key) {
			return v, a, true
		}
	}
	return "", field{}, false
}

// parse reads an SDP body. It is strict in what it needs and lenient in the
// rest: unknown line types, attributes, media and transports pass, lines may
// end in LF alone, and s= and t= may be missing. Errors are *ParseError.
func parse(body []byte) (*description, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, parseError(0, "", "the description is empty")
	}
	if len(body) > maxBody {
		return nil, parseError(0, "", "the description has %d octets; at most %d are read", len(body), maxBody)
	}
	d := &description{}
	rest, number, started := string(body), 0, false
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimRight(line, "\r")
		if number++; number > maxLines {
			return nil, parseError(number, line, "more than %d lines", maxLines)
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		if err := checkLine(line, number); err != nil {
			return nil, err
		}
		f := field{line: number, text: line[2:]}
		if !started {
			if line[0] != 'v' || strings.TrimSpace(f.text) != "0" {
				return nil, parseError(number, line, "a description starts with v=0")
			}
			started = true
			continue
		}
		if err := d.add(line[0], f); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// checkLine holds a line to the form "x=value" of RFC 8866 §5.
func checkLine(line string, number int) error {
	if len(line) < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z' {
		return parseError(number, line, "a line is one small letter, = and a value")
	}
	if strings.ContainsAny(line, "\x00\r") {
		return parseError(number, line, "NUL and carriage return have no place inside a line")
	}
	return nil
}

// add takes one line after v=. What belongs to a stream follows its m=.
func (d *description) add(kind byte, f field) error {
	var last *stream
	if n := len(d.media); n > 0 {
		last = d.media[n-1]
	}
	switch kind {
	case 'm':
		s, err := parseMedia(f)
		if err != nil {
			return err
		}
		if len(d.media) == maxMedia {
			return parseError(f.line, "m="+f.text, "more than %d m= lines", maxMedia)
		}
		d.media = append(d.media, s)
	case 'c':
		if last == nil {
			d.conn = &f
		} else if last.conn == nil { // several: layered multicast, the first is the base
			last.conn = &f
		}
	case 'a':
		if last == nil {
			d.attrs = append(d.attrs, f)
		} else {
			last.attrs = append(last.attrs, f)
		}
	case 't':
		return d.addTime(f)
	}
	return nil
}

// addTime keeps t=, which an answer must repeat (RFC 3264 §6).
func (d *description) addTime(f field) error {
	parts := strings.Fields(f.text)
	if len(parts) != 2 {
		return parseError(f.line, "t="+f.text, "t= has a start and a stop time")
	}
	start, err1 := strconv.ParseUint(parts[0], 10, 64)
	stop, err2 := strconv.ParseUint(parts[1], 10, 64)
	if err1 != nil || err2 != nil {
		return parseError(f.line, "t="+f.text, "start and stop time are decimal numbers")
	}
	d.times = append(d.times, sdp.TimeDescription{Timing: sdp.Timing{StartTime: start, StopTime: stop}})
	return nil
}

// parseMedia reads "media port[/count] proto format...".
func parseMedia(f field) (*stream, error) {
	parts := strings.Fields(f.text)
	if len(parts) < 4 {
		return nil, parseError(f.line, "m="+f.text, "m= has a medium, a port, a transport and at least one format")
	}
	port, _, _ := strings.Cut(parts[1], "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, parseError(f.line, "m="+f.text, "the port is a number from 0 to 65535")
	}
	formats := parts[3:]
	if len(formats) > maxFormats {
		formats = formats[:maxFormats]
	}
	return &stream{
		field: f, media: parts[0], port: uint16(n), proto: parts[2], formats: formats,
	}, nil
}
