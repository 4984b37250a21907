package media

import (
	cryptorand "crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/dtmf"
	"github.com/softphone-go/softphone/media/jitter"
)

const (
	maxCNAME      = 255 // octets, RFC 3550 §6.5
	randomCNAME   = 12  // octets before base64, RFC 7022 §4.2
	digitRequests = 16  // calls of SendDigits that may wait for a tick
	firstSequence = 1<<15 - 1
)

// Session is the media of one call: RTP and RTCP both ways over one Socket.
//
// Tick does the work and owns everything below the line in the struct; one Tick
// runs at a time. All other methods may be called from any goroutine and never
// wait for the network.
type Session struct {
	cfg    SessionConfig
	socket *Socket
	log    *slog.Logger
	epoch  time.Time
	clock  func() time.Duration // time since epoch

	rtpIn, rtcpIn        inbox
	oversize, readErrors atomic.Uint64
	readers              sync.WaitGroup
	done                 chan struct{} // closed when the session ends

	settings settings
	keyring  keyring // settings.applying guards it
	snapshot snapshot
	shut     func() error

	// running is held by a Tick and by Close, which so waits for a Tick.
	running sync.Mutex
	closed  bool

	// ---- the tick's own
	rng         *rand.Rand
	description *description
	step        stepper
	latch       latch
	rtcpLatch   latch
	parser      parser
	reception   reception
	events      dtmf.Decoder
	playout     *jitter.Playout
	frame       audio.Frame // what is heard, then what is said
	sender      sender
	shield      *shield // nil: no SRTP so far
	reports     reports
	watch       watch
	levels      levels
	inband      inband
	observer    observer
	count       Stats  // the counters that the tick keeps itself
	overflows   uint64 // of sockets before this one
}

// NewSession starts to read from the Socket of cfg and owns it from then on,
// also when it fails. Nothing is sent, heard or counted as received before Apply.
func NewSession(cfg SessionConfig) (*Session, error) {
	if cfg.Socket == nil {
		return nil, errors.New("media: a session needs a Socket: open one with Ports.Open")
	}
	s := newSession(cfg)
	if err := s.seed(); err != nil {
		return nil, errors.Join(err, cfg.Socket.Close())
	}
	s.rtpIn = s.listen(&s.socket.rtp, 0, rtpSlots, rtpOctets)
	s.rtcpIn = s.listen(&s.socket.rtcp, restRTCP, rtcpSlots, rtcpOctets)
	s.publish()
	return s, nil
}

// newSession makes a Session that reads nothing yet.
func newSession(cfg SessionConfig) *Session {
	s := &Session{
		cfg:     cfg,
		socket:  cfg.Socket,
		log:     orSilent(cfg.Logger),
		epoch:   time.Now(),
		done:    make(chan struct{}),
		playout: jitter.New(cfg.Jitter),
		frame:   audio.Frame{Rate: clockRate, Samples: make([]int16, frameSize)},
	}
	s.clock = func() time.Duration { return time.Since(s.epoch) }
	s.watch.timeout = cfg.Timeout
	s.settings.digits = make(chan digitRequest, digitRequests)
	s.shut = sync.OnceValue(s.end)
	s.parser.init()
	return s
}

// seed draws what RFC 3550 §5.1 wants random.
func (s *Session) seed() error {
	if len(s.cfg.CNAME) > maxCNAME {
		return fmt.Errorf("media: CNAME of %d octets: RTCP takes at most %d", len(s.cfg.CNAME), maxCNAME)
	}
	source := s.cfg.Rand
	if source == nil {
		source = cryptorand.Reader
	}
	var b [26 + randomCNAME]byte
	if _, err := io.ReadFull(source, b[:]); err != nil {
		return fmt.Errorf("media: no random numbers for SSRC and sequence number: %w", err)
	}
	word := binary.BigEndian
	s.rng = rand.New(rand.NewPCG(word.Uint64(b[0:]), word.Uint64(b[8:])))
	s.sender.ssrc = word.Uint32(b[16:])
	s.sender.sequence = word.Uint16(b[20:]) & firstSequence
	s.sender.origin = word.Uint32(b[22:])
	s.reports.timer.rng = s.rng
	s.reports.cname = s.cfg.CNAME
	if s.reports.cname == "" {
		s.reports.cname = base64.StdEncoding.EncodeToString(b[26:])
	}
	return nil
}

// Tick is one step of 10 ms: it takes what arrived, gives a frame to the Sink,
// takes one from the Source, and sends what is due. n counts the steps; when
// some are left out, the timestamps of what is sent go on with the time, and no
// more packets than usual leave at once. It never blocks. A Tick while another
// runs, or after Close, does nothing.
func (s *Session) Tick(n uint64) {
	if !s.running.TryLock() {
		return
	}
	defer s.running.Unlock()
	if s.closed {
		return
	}
	frames := s.step.advance(n, s.clock())
	s.adopt()
	for i := range frames {
		at := s.step.at(i - frames + 1)
		s.receive(at, i == frames-1)
		s.play(at)
		s.say(s.step.index - uint64(frames-1-i))
		s.observe()
	}
	s.transmit()
	now := s.step.at(0)
	s.report(now)
	s.watch.check(s, now)
	s.publish()
}

// stepper turns tick numbers into frames and their time.
//
// The time of a frame is that of the schedule, not of the moment: a tick late by
// a few milliseconds must not look like jitter to the playout buffer. anchor is
// the earliest start of the schedule that any tick was seen on.
type stepper struct {
	ticked bool
	last   uint64 // number of the last tick
	index  uint64 // frames since the first tick
	anchor time.Duration
}

const (
	// maxSteps is how many frames one tick makes good. After a longer stall the
	// time between is left out: nobody wants to hear it.
	maxSteps = 100

	// maxStray is how far the schedule may lie behind the clock before it is
	// taken for another one, as when ticks left out were not counted in n.
	maxStray = 100 * time.Millisecond
)

// advance goes on to tick n at the time now and returns the frames to run, at
// least one; the last of them is index.
func (t *stepper) advance(n uint64, now time.Duration) int {
	if !t.ticked {
		t.ticked, t.last, t.anchor = true, n, now
		return 1
	}
	steps := n - t.last
	if n <= t.last {
		steps = 1 // another Pacer
	}
	t.last = n
	frames := 1
	switch {
	case steps <= maxSteps:
		frames = int(steps)
	default: // trust the clock, since n may come from another Pacer
		steps = uint64(max(1, (now-t.at(0))/frameTime))
	}
	t.index += steps
	if at := t.at(0); now < at || now-at > maxStray {
		t.anchor += now - at
	}
	return frames
}

// at is the scheduled time of the frame offset from index.
func (t *stepper) at(offset int) time.Duration {
	return t.anchor + (time.Duration(t.index)+time.Duration(offset))*frameTime
}

// Close sends an RTCP BYE if the peer ever heard of us, closes the ports and
// waits for the readers and for a Tick under way. Later calls return what the
// first did. It must not be called from a callback of the same Session.
func (s *Session) Close() error { return s.shut() }

func (s *Session) end() error {
	s.running.Lock()
	s.closed = true
	s.lastReports()
	s.drain()
	s.bye(s.clock())
	s.publishFinal()
	s.running.Unlock()
	s.wipe()

	close(s.done)
	err := s.socket.Close()
	s.readers.Wait()
	return err
}
