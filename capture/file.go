package capture

import (
	"bufio"
	"encoding/binary"
	"io"
	"time"
)

// Parts of a pcap file (draft-ietf-opsawg-pcap).
const (
	pcapMagic     = 0xA1B2C3D4 // times in microseconds
	linkTypeRawIP = 101
	snapLength    = 262144
)

// segment is how much of a message one TCP packet carries.
const segment = 1448

// maxConnections bounds the TCP connections remembered at a time.
const maxConnections = 1024

// dump writes packets. One goroutine owns it.
type dump struct {
	w       *bufio.Writer
	err     error // the first one
	id      uint16
	packet  []byte
	head    [16]byte // of a record
	streams map[flow]*stream
	opened  uint32
}

// stream is one TCP connection, seen from the side that spoke first.
type stream struct{ seq, ack uint32 }

func newDump(w io.Writer) *dump {
	d := &dump{
		w: bufio.NewWriterSize(w, 64<<10), packet: make([]byte, 0, 4096),
		streams: make(map[flow]*stream),
	}
	le := binary.LittleEndian
	head := le.AppendUint32(nil, pcapMagic)
	head = le.AppendUint16(head, 2)
	head = le.AppendUint16(head, 4)
	head = append(head, 0, 0, 0, 0, 0, 0, 0, 0) // UTC
	head = le.AppendUint32(head, snapLength)
	head = le.AppendUint32(head, linkTypeRawIP)
	d.write(head)
	d.flush()
	return d
}

func (d *dump) write(b []byte) {
	if d.err == nil {
		_, d.err = d.w.Write(b)
	}
}

func (d *dump) flush() {
	if d.err == nil {
		d.err = d.w.Flush()
	}
}

// record writes d.packet; missing octets of it were not kept.
func (d *dump) record(at time.Time, missing int) {
	head, le := d.head[:], binary.LittleEndian
	le.PutUint32(head[0:], uint32(at.Unix()))
	le.PutUint32(head[4:], uint32(at.Nanosecond()/1000))
	le.PutUint32(head[8:], uint32(len(d.packet)))
	le.PutUint32(head[12:], uint32(len(d.packet)+missing))
	d.write(head)
	d.write(d.packet)
	d.id++
}

// udp writes a datagram of size octets of which data is left.
func (d *dump) udp(at time.Time, f flow, data []byte, size int) {
	size = min(size, maxDatagram-f.ipHeader()-udpHeader)
	data = data[:min(len(data), size)]
	d.packet = f.appendUDP(d.packet[:0], data, size, d.id)
	d.record(at, size-len(data))
}

// tcp writes a message as segments of its connection. At the first message the
// connection is opened, by the side that sent it.
//
//	from  SYN seq=i
//	to    SYN ACK seq=j ack=i+1
//	from  ACK
//	from  PSH ACK data...
func (d *dump) tcp(at time.Time, f flow, data []byte) {
	s, forward := d.streams[f], true
	if s == nil {
		if s = d.streams[f.reverse()]; s != nil {
			forward = false
		} else {
			s = d.open(at, f)
		}
	}
	seq, ack := &s.seq, &s.ack
	if !forward {
		seq, ack = ack, seq
	}
	for len(data) > 0 {
		part := data[:min(len(data), segment)]
		data = data[len(part):]
		flags := byte(flagACK)
		if len(data) == 0 {
			flags |= flagPSH
		}
		d.packet = f.appendTCP(d.packet[:0], part, flags, *seq, *ack, d.id)
		d.record(at, 0)
		*seq += uint32(len(part))
	}
}

// open writes a handshake and remembers the connection.
func (d *dump) open(at time.Time, f flow) *stream {
	if len(d.streams) >= maxConnections {
		for old := range d.streams { // it opens again should it speak again
			delete(d.streams, old)
			break
		}
	}
	d.opened++
	first := d.opened << 20 // far from those of an earlier connection of the same ports
	s := &stream{seq: first + 1, ack: first + 0x80001}
	d.streams[f] = s
	d.packet = f.appendTCP(d.packet[:0], nil, flagSYN, s.seq-1, 0, d.id)
	d.record(at, 0)
	d.packet = f.reverse().appendTCP(d.packet[:0], nil, flagSYN|flagACK, s.ack-1, s.seq, d.id)
	d.record(at, 0)
	d.packet = f.appendTCP(d.packet[:0], nil, flagACK, s.seq, s.ack, d.id)
	d.record(at, 0)
	return s
}
