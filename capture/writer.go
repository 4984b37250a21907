package capture

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultQueue = 2048     // RTP packets: 100 calls for 100 ms
	sipQueue     = 512      // SIP messages
	kept         = 2048     // octets kept of an RTP packet
	maxMessage   = 64 << 10 // octets kept of a SIP message
	flushPeriod  = time.Second
)

// Options are the choices a Writer leaves open. The zero value is ready.
type Options struct {
	// KeepCredentials writes SIP messages as they were. By default they are
	// masked: see Mask.
	KeepCredentials bool
	// Queue is how many RTP packets may wait to be written; each takes 2 KiB.
	// 0: 2048.
	Queue int
}

// Writer writes a capture file. All its methods may be called by any goroutine;
// SIP and RTP never block.
type Writer struct {
	path    string
	options Options
	queue   chan item
	free    chan []byte  // buffers for RTP
	waiting atomic.Int64 // SIP messages in the queue
	dropped atomic.Uint64
	closed  atomic.Bool
	failed  atomic.Pointer[error]
	once    sync.Once
	quit    chan struct{}
	done    chan struct{}
	file    io.Closer // nil: not ours to close
}

// item is one packet or message on its way to the file.
type item struct {
	at       time.Time
	from, to netip.AddrPort
	data     []byte
	size     int // of which data is the part kept
	rtp, tcp bool
}

// Create starts a capture file at path with the default Options. See
// CreateWith.
func Create(path string) (*Writer, error) { return CreateWith(path, Options{}) }

// CreateWith creates or replaces the file at path, readable by its owner alone,
// and starts its writer. The error names the file. Call Close to finish it.
func CreateWith(path string, options Options) (*Writer, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot create the capture file: %w", err)
	}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm() != 0o600 {
		_ = file.Chmod(0o600) // it was there before, with a wider mode
	}
	return start(file, file, path, options), nil
}

// New starts a capture that is written to w, by one goroutine. Close does not
// close w.
func New(w io.Writer, options Options) *Writer { return start(w, nil, "capture", options) }

func start(w io.Writer, file io.Closer, path string, options Options) *Writer {
	c := prepare(file, path, options)
	go c.run(w)
	return c
}

// prepare makes a Writer that does not run yet.
func prepare(file io.Closer, path string, options Options) *Writer {
	if options.Queue <= 0 {
		options.Queue = defaultQueue
	}
	c := &Writer{
		path: path, options: options, file: file,
		queue: make(chan item, options.Queue+sipQueue), free: make(chan []byte, options.Queue),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	buffers := make([]byte, options.Queue*kept)
	for i := range options.Queue {
		c.free <- buffers[i*kept : (i+1)*kept : (i+1)*kept]
	}
	return c
}

// SIP takes one message, or what a keep-alive consists of, as it was sent or
// received at t. The transport is "UDP" or, for all others, a stream. The data
// is copied.
func (c *Writer) SIP(t time.Time, sent bool, transport string, local, remote netip.AddrPort, data []byte) {
	if c.closed.Load() || len(data) == 0 {
		return
	}
	if c.waiting.Add(1) > sipQueue {
		c.waiting.Add(-1)
		c.dropped.Add(1)
		return
	}
	message := append([]byte(nil), data[:min(len(data), maxMessage)]...)
	if !c.options.KeepCredentials {
		message = Mask(message)
	}
	i := item{data: message, size: len(data), tcp: !strings.EqualFold(transport, "UDP")}
	if !c.put(i, t, sent, local, remote) {
		c.waiting.Add(-1)
	}
}

// RTP takes one RTP or RTCP packet as it was sent or received at t. The data is
// copied, up to 2 KiB of it; nothing is allocated.
func (c *Writer) RTP(t time.Time, sent bool, local, remote netip.AddrPort, data []byte) {
	if c.closed.Load() {
		return
	}
	select {
	case buffer := <-c.free:
		n := copy(buffer, data)
		if !c.put(item{data: buffer[:n], size: len(data), rtp: true}, t, sent, local, remote) {
			c.free <- buffer // there is room: it was just taken out
		}
	default:
		c.dropped.Add(1)
	}
}

// put queues an item, or counts it as dropped when the queue is full.
func (c *Writer) put(i item, t time.Time, sent bool, local, remote netip.AddrPort) bool {
	if t.IsZero() {
		t = time.Now()
	}
	i.at, i.from, i.to = t, remote, local
	if sent {
		i.from, i.to = local, remote
	}
	select {
	case c.queue <- i:
		return true
	default:
		c.dropped.Add(1)
		return false
	}
}

// Dropped counts the packets and messages that are missing in the file because
// it could not keep up.
func (c *Writer) Dropped() uint64 { return c.dropped.Load() }

// Err is what stopped the capture, nil as long as all is well.
func (c *Writer) Err() error {
	if err := c.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Close writes what was taken and closes the file. It waits for the disk. Later
// calls return the same error.
func (c *Writer) Close() error {
	c.once.Do(func() {
		c.closed.Store(true)
		close(c.quit)
	})
	<-c.done
	return c.Err()
}

// run is the writer goroutine.
func (c *Writer) run(w io.Writer) {
	defer close(c.done)
	d := newDump(w)
	ticker := time.NewTicker(flushPeriod) // what was captured can be looked at meanwhile
	defer ticker.Stop()
	for running := true; running; {
		select {
		case i := <-c.queue:
			c.write(d, i)
		case <-ticker.C:
			d.flush()
			c.check(d.err)
		case <-c.quit:
			running = false
		}
	}
	for {
		select {
		case i := <-c.queue:
			c.write(d, i)
			continue
		default:
		}
		break
	}
	d.flush()
	c.check(d.err)
	if c.file != nil {
		c.check(c.file.Close())
	}
}

// write writes one item and gives its buffer back.
func (c *Writer) write(d *dump, i item) {
	f := newFlow(i.from, i.to)
	if i.tcp {
		d.tcp(i.at, f, i.data)
	} else {
		d.udp(i.at, f, i.data, i.size)
	}
	if i.rtp {
		c.free <- i.data[:kept]
	} else {
		c.waiting.Add(-1)
	}
	c.check(d.err)
}

// check keeps the first error.
func (c *Writer) check(err error) {
	if err != nil && c.failed.Load() == nil {
		err = fmt.Errorf("the capture file %s is not complete: %w", c.path, err)
		c.failed.CompareAndSwap(nil, &err)
	}
}
