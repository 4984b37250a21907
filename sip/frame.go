package sip

import (
	"bytes"
	"strconv"
	"strings"
)

// framing is how messages lie in the bytes of a connection. write, next, partial and
// reply belong to the reader; probe and wrap may be called by anyone.
type framing interface {
	write(p []byte)
	// next returns the next whole message, or a signal, or neither when more bytes
	// are needed. A refusal means that the boundary is lost: the connection must be
	// closed, and msg is what there is of it. msg is valid until the next call of write.
	next() (msg []byte, sig signal, err *refusal)
	partial() bool          // a message has begun and is not complete
	reply() []byte          // the answer to the last ping
	probe() []byte          // a ping
	wrap(msg []byte) []byte // a message as it is sent
}

// signal is what comes between messages.
type signal int

const (
	noSignal signal = iota
	lineEnd         // one CRLF: a pong, or half a ping
	ping
	pong
	hangUp // the peer wants to close
)

// framer cuts a byte stream into messages (RFC 3261 §18.3): header section up
// to the empty line, then Content-Length bytes. Between them CRLF CRLF is a ping
// and CRLF its pong (RFC 5626 §3.5.1).
type framer struct {
	buf []byte
	max int // bytes of one message
}

func (f *framer) reply() []byte          { return []byte("\r\n") }
func (f *framer) probe() []byte          { return []byte("\r\n\r\n") }
func (f *framer) wrap(msg []byte) []byte { return msg }

func (f *framer) next() (msg []byte, sig signal, err *refusal) {
	if len(f.buf) >= 2 && f.buf[0] == '\r' && f.buf[1] == '\n' {
		if len(f.buf) >= 4 && f.buf[2] == '\r' && f.buf[3] == '\n' {
			f.buf = f.buf[4:]
			return nil, ping, nil
		}
		f.buf = f.buf[2:]
		return nil, lineEnd, nil
	}
	end := bytes.Index(f.buf, []byte("\r\n\r\n"))
	if end < 0 {
		if len(f.buf) > f.max {
			return f.buf, noSignal, &refusal{513, "Message Too Large"}
		}
		return nil, noSignal, nil
	}
	head := end + 4
	length, ok := contentLength(f.buf[:end])
	if !ok {
		return f.buf, noSignal, bad("Content-Length is missing or wrong")
	}
	if length > f.max-head {
		return f.buf, noSignal, &refusal{513, "Message Too Large"}
	}
	if len(f.buf) < head+length {
		return nil, noSignal, nil
	}
	msg, f.buf = f.buf[:head+length], f.buf[head+length:]
	return msg, noSignal, nil
}

func (f *framer) write(p []byte) {
	if len(f.buf) == 0 {
		f.buf = nil
	}
	f.buf = append(f.buf, p...)
}

func (f *framer) partial() bool { return len(f.buf) > 0 }

// contentLength finds the header field; it reports false when it is missing,
// given twice differently, or not a number.
func contentLength(head []byte) (int, bool) {
	found := -1
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		switch strings.ToLower(string(bytes.TrimSpace(name))) {
		case "content-length", "l":
			n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
			if err != nil || found >= 0 && found != int(n) {
				return 0, false
			}
			found = int(n)
		}
	}
	return found, found >= 0
}
