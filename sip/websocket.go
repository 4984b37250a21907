package sip

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/gobwas/ws"
)

// webSocketProtocol is the subprotocol of SIP (RFC 7118 §4.1).
const webSocketProtocol = "sip"

// upgrade makes a WebSocket of a connection (RFC 6455 §4.1, RFC 7118 §4.1).
func upgrade(ctx context.Context, c net.Conn, h hop) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	target := &url.URL{Scheme: h.transport.String(), Host: joinHostPort(h.name, int(h.addr.Port())), Path: h.path}
	d := ws.Dialer{Protocols: []string{webSocketProtocol}}
	rest, shaken, err := d.Upgrade(c, target)
	if !stop() {
		err = context.Cause(ctx)
	}
	var status ws.StatusError
	switch {
	case errors.As(err, &status):
		err = fmt.Errorf("%s answers with HTTP status %d instead of a WebSocket; check the port and ws_path: %w", target, int(status), err)
	case err != nil:
		err = fmt.Errorf("WebSocket at %s: %w", target, err)
	case shaken.Protocol != webSocketProtocol:
		err = fmt.Errorf("WebSocket at %s does not speak SIP (subprotocol %q)", target, shaken.Protocol)
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	if rest != nil { // what came right behind the handshake
		return &readAhead{Conn: c, rest: rest}, nil
	}
	return c, nil
}

// readAhead is a connection of which some bytes have been read already.
type readAhead struct {
	net.Conn
	rest *bufio.Reader // until it is empty
}

func (c *readAhead) Read(p []byte) (int, error) {
	if c.rest != nil && c.rest.Buffered() > 0 {
		return c.rest.Read(p[:min(len(p), c.rest.Buffered())])
	}
	c.rest = nil
	return c.Conn.Read(p)
}

// wsFramer reads and writes the client's side of a WebSocket: each message of SIP is
// one of WebSocket, text or binary, in one frame or several (RFC 7118 §4.2).
type wsFramer struct {
	buf     []byte
	msg     []byte // of the frames so far
	begun   bool
	payload []byte // of the last ping
	max     int    // bytes of one message
}

func (f *wsFramer) write(p []byte) { f.buf = append(f.buf, p...) }

func (f *wsFramer) partial() bool { return len(f.buf) > 0 || f.begun }

func (f *wsFramer) reply() []byte { return clientFrame(ws.NewPongFrame(f.payload)) }

func (f *wsFramer) probe() []byte { return clientFrame(ws.NewPingFrame(nil)) }

func (f *wsFramer) wrap(msg []byte) []byte { return clientFrame(ws.NewTextFrame(msg)) }

// clientFrame masks a frame (RFC 6455 §5.3) and writes it.
func clientFrame(fr ws.Frame) []byte {
	data, err := ws.CompileFrame(ws.MaskFrame(fr))
	if err != nil {
		return nil // a bytes.Buffer takes everything
	}
	return data
}

func (f *wsFramer) next() (msg []byte, sig signal, err *refusal) {
	for {
		r := bytes.NewReader(f.buf)
		head, herr := ws.ReadHeader(r)
		switch {
		case errors.Is(herr, io.EOF) || errors.Is(herr, io.ErrUnexpectedEOF):
			return nil, noSignal, nil
		case herr != nil || head.Rsv != 0 || head.Length < 0:
			return nil, noSignal, &refusal{reason: "WebSocket frame is malformed"}
		case head.Length > int64(f.max-len(f.msg)) || head.OpCode.IsControl() && head.Length > ws.MaxControlFramePayloadSize:
			return nil, noSignal, &refusal{reason: "WebSocket message is too large"}
		case int64(r.Len()) < head.Length:
			return nil, noSignal, nil
		}
		start := len(f.buf) - r.Len()
		body := bytes.Clone(f.buf[start : start+int(head.Length)])
		f.buf = f.buf[start+int(head.Length):]
		if head.Masked {
			ws.Cipher(body, head.Mask, 0)
		}
		if msg, sig, err = f.frame(head, body); msg != nil || sig != noSignal || err != nil {
			return msg, sig, err
		}
	}
}

// frame takes one whole frame.
func (f *wsFramer) frame(head ws.Header, body []byte) (msg []byte, sig signal, err *refusal) {
	switch head.OpCode {
	case ws.OpPing:
		f.payload = body
		return nil, ping, nil
	case ws.OpPong:
		return nil, pong, nil
	case ws.OpClose:
		return nil, hangUp, nil
	case ws.OpText, ws.OpBinary, ws.OpContinuation:
	default:
		return nil, noSignal, &refusal{reason: "WebSocket frame is of no known kind"}
	}
	if (head.OpCode == ws.OpContinuation) != f.begun {
		return nil, noSignal, &refusal{reason: "WebSocket frames come in the wrong order"}
	}
	f.msg, f.begun = append(f.msg, body...), !head.Fin
	if !head.Fin {
		return nil, noSignal, nil
	}
	msg, f.msg = f.msg, nil
	if len(bytes.Trim(msg, "\r\n")) == 0 { // a keep-alive of RFC 5626 in a message of its own
		return nil, lineEnd, nil
	}
	return sized(msg)
}

// sized gives a message its Content-Length: over WebSocket it may have none, and what
// counts is the end of the WebSocket message (RFC 7118 §4.2).
func sized(msg []byte) ([]byte, signal, *refusal) {
	end := bytes.Index(msg, []byte("\r\n\r\n"))
	if end < 0 {
		return nil, noSignal, bad("message has no end of its header section")
	}
	body := len(msg) - end - 4
	n, ok := contentLength(msg[:end])
	switch {
	case ok && n == body:
		return msg, noSignal, nil
	case ok && n < body:
		return msg[:end+4+n], noSignal, nil
	case ok || n >= 0:
		return nil, noSignal, bad("Content-Length is wrong")
	}
	out := append([]byte{}, msg[:end]...)
	out = append(out, "\r\nContent-Length: "+strconv.Itoa(body)...)
	return append(out, msg[end:]...), noSignal, nil
}
