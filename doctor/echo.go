package doctor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/audio/measure"
	"github.com/softphone-go/softphone/phone"
)

const (
	lead    = 500 * time.Millisecond  // before the marker: the PBX may be opening its ears
	listen  = 3500 * time.Millisecond // from the answer on
	playout = 200 * time.Millisecond  // kept, whatever the network does
	lossy   = 0.01                    // more packets lost than that are worth a word
)

// marked is a Source of silence with a marker in it, from the answer on.
type marked struct {
	samples []int16
	at      int
	on      atomic.Bool
}

func newMarked(seed uint64) *marked {
	return &marked{samples: append(make([]int16, int(lead.Seconds()*audio.Narrowband)), measure.Marker(seed)...)}
}

// ReadFrame implements audio.Source at the rate of G.711.
func (m *marked) ReadFrame(f *audio.Frame) {
	f.Clear()
	if !m.on.Load() || f.Rate != audio.Narrowband || m.at >= len(m.samples) {
		return
	}
	m.at += copy(f.Samples, m.samples[m.at:])
}

// gated is a Sink that keeps the sound from the answer on.
type gated struct {
	*audio.Buffer
	on *atomic.Bool
}

// WriteFrame implements audio.Sink.
func (g gated) WriteFrame(f *audio.Frame) {
	if g.on.Load() {
		g.Buffer.WriteFrame(f)
	}
}

// echo calls the echo of the PBX, says something nobody else says, and listens
// for it.
func (x *examination) echo(ctx context.Context, p *phone.Phone) Check {
	if x.cfg.Echo == "" {
		return skipped("no call was made: give the number of your PBX's echo with --echo to hear whether sound comes back")
	}
	seed := rand.Uint64()
	source := newMarked(seed)
	heard := gated{audio.NewBuffer(audio.Narrowband, listen+time.Second), &source.on}
	call, err := p.Dial(ctx, x.cfg.Echo, phone.DialOptions{Source: source, Sink: heard})
	if err != nil {
		return failed("give the number of your PBX's echo with --echo", "%s cannot be called: %v", x.cfg.Echo, err)
	}
	answered := x.answered(ctx, call)
	if answered {
		source.on.Store(true)
		wait(ctx, call, listen)
	}
	stats := call.Stats()
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.cfg.Patience)
	defer cancel()
	_ = call.Hangup(limited)
	if !answered {
		select {
		case <-call.Done():
			return x.unanswered(call.Outcome())
		case <-limited.Done():
			return failed("see what the PBX's log says", "%s was called, and nothing came of it", x.cfg.Echo)
		}
	}
	return x.judge(stats, heard.Samples(), seed)
}

// answered waits for the answer, for as long as a phone rings twice.
func (x *examination) answered(ctx context.Context, call *dialer.Call) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*x.cfg.Patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if call.State() == dialer.Established {
			return true
		}
		select {
		case <-tick.C:
		case <-call.Done():
			return false
		case <-ctx.Done():
			return false
		}
	}
}

func wait(ctx context.Context, call *dialer.Call, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-call.Done():
	case <-ctx.Done():
	}
}

// unanswered says why the call came to nothing.
func (x *examination) unanswered(o dialer.Outcome) Check {
	number := x.cfg.Echo
	switch {
	case o.Code == 404 || o.Code == 484 || o.Code == 604:
		return failed("give the number of your PBX's echo with --echo", "the PBX has nothing at %s (%d %s)", number, o.Code, o.Reason)
	case o.Code == 401 || o.Code == 403 || o.Code == 407:
		return failed("see whether the PBX lets this account call", "the PBX does not let this account call %s (%d %s)", number, o.Code, o.Reason)
	case o.Disposition == dialer.MediaFailed && o.Code > 0:
		return failed("let the PBX offer PCMU or PCMA to this account; if it wants SRTP, see srtp", "the PBX and this phone have no codec or encryption in common (%d %s)", o.Code, o.Reason)
	case o.Disposition == dialer.MediaFailed:
		return failed("look at media.rtp_ports and media.srtp", "no sound could be had: %v", o.Err)
	case o.Code > 0:
		return failed("give a number that answers at once", "%s was called and did not answer (%s, %d %s)", number, o.Disposition, o.Code, o.Reason)
	}
	return failed("see what the PBX's log says", "%s was called and did not answer (%s)", number, o.Disposition)
}

// piece is how much of the marker must come back unparted, in samples: some 60 ms.
const piece = measure.MarkerLength / 8

// find returns where in heard the marker begins, and how like it is its piece that
// came back best.
func find(heard []int16, seed uint64) (at int, likeness float64) {
	marker := measure.Marker(seed)
	for from := 0; from+piece <= len(marker); from += piece {
		if lag, l := measure.BestLag(marker[from:from+piece], heard, len(heard)); l > likeness {
			at, likeness = lag-from, l
		}
	}
	return at, likeness
}

// judge says what the sound that came back is worth.
func (x *examination) judge(s media.Stats, heard []int16, seed uint64) Check {
	ports := x.cfg.File.Media.RTPPorts
	if s.PacketsReceived == 0 {
		return failed("let UDP ports "+ports+" in and out of the firewalls; behind NAT, the PBX must send to where the sound comes from (symmetric RTP)",
			"the call was answered and %d packets of sound were sent, and none came back", s.PacketsSent)
	}
	at, likeness := find(heard, seed)
	if likeness < measure.Found {
		return failed("see whether "+x.cfg.Echo+" is an echo; if it is, it did not hear this phone: let UDP ports "+ports+" out",
			"sound came (%d packets), but not what this phone said", s.PacketsReceived)
	}
	delay := max(time.Duration(at)*time.Second/audio.Narrowband-lead-playout, 0) // of the network and the PBX
	loss := float64(s.PacketsLost) / float64(s.PacketsLost+s.PacketsReceived)
	if loss > lossy {
		return note("if it is a wireless network, try a cable", "what was said came back after %s, but %.1f %% of the packets were lost, jitter %s",
			delay.Round(time.Millisecond), 100*loss, s.Jitter.Round(100*time.Microsecond))
	}
	trip := ""
	if s.RTT > 0 { // the other side has reported
		trip = fmt.Sprintf(", round trip %s", s.RTT.Round(100*time.Microsecond))
	}
	return ok("what was said came back after %s; %d packets, %d lost, jitter %s%s, MOS %.1f", delay.Round(time.Millisecond),
		s.PacketsReceived, s.PacketsLost, s.Jitter.Round(100*time.Microsecond), trip, s.MOS)
}
