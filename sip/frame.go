package sip

import (
	"bytes"
	"strconv"
	"strings"
)

// framer cuts a byte stream into messages (RFC 3261 §18.3): header section up
// to the empty line, then Content-Length bytes.
type framer struct {
	buf []byte
	max int // bytes of one message
}

// next returns the next whole message, or nil when more bytes are needed.
// ping reports a CRLF CRLF keep-alive between messages (RFC 5626 §3.5.1). A
// refusal means that the boundary is lost: the connection must be closed.
// msg is valid until the next call of write.
func (f *framer) next() (msg []byte, ping bool, err *refusal) {
	for len(f.buf) >= 2 && f.buf[0] == '\r' && f.buf[1] == '\n' {
		if len(f.buf) >= 4 && f.buf[2] == '\r' && f.buf[3] == '\n' {
			f.buf = f.buf[4:]
			return nil, true, nil
		}
		if len(f.buf) == 2 { // perhaps half a ping
			return nil, false, nil
		}
		f.buf = f.buf[2:]
	}
	end := bytes.Index(f.buf, []byte("\r\n\r\n"))
	if end < 0 {
		if len(f.buf) > f.max {
			return nil, false, &refusal{513, "Message Too Large"}
		}
		return nil, false, nil
	}
	head := end + 4
	length, ok := contentLength(f.buf[:end])
	if !ok {
		return nil, false, bad("Content-Length is missing or wrong")
	}
	if length > f.max-head {
		return nil, false, &refusal{513, "Message Too Large"}
	}
	if len(f.buf) < head+length {
		return nil, false, nil
	}
	msg, f.buf = f.buf[:head+length], f.buf[head+length:]
	return msg, false, nil
}

func (f *framer) write(p []byte) {
	if len(f.buf) == 0 {
		f.buf = nil
	}
	f.buf = append(f.buf, p...)
}

// partial reports whether a message has begun and is not complete.
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
