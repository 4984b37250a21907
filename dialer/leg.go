package dialer

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/dtmf"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/media/srtp"
	"github.com/softphone-go/softphone/sip"
)

// leg is the media of one call: its socket, later its session, and what was
// said about them in SDP. The call's loop owns it.
//
//	open -> offer or answer -> apply (any number of times) -> close
type leg struct {
	cfg       *Config
	onDigit   func(dtmf.Digit)
	onSilence func() // nothing was heard for as long as listenFor said

	security Security
	local    offer.Local
	public   netip.Addr    // that the peer is told in place of local.Addr; invalid: none
	mapped   media.Mapping // that the peer is told in place of all; zero: none
	said     []byte        // the last description sent, to know when Version must rise
	socket   *media.Socket
	session  *media.Session
	detach   func()       // takes the session from the Pacer
	params   offer.Params // in force
	applied  bool
	theirs   []*srtp.Key // the peer's so far

	source  audio.Source
	sink    audio.Sink
	monitor audio.Monitor
	muted   bool
}

func newLeg(cfg *Config, security Security) *leg {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	var xr offer.XR
	if cfg.ExtendedReports != media.XROff {
		xr = offer.XR{VoIPMetrics: true, ReceiverRTT: true}
	}
	comfort := uint8(0)
	if cfg.DTX {
		comfort = offer.CN().PayloadType
	}
	return &leg{
		cfg:      cfg,
		security: security,
		local: offer.Local{
			// RFC 8866 §5.2: numeric; 62 bits leave room for peers that read
			// it as a signed number.
			SessionID:        binary.BigEndian.Uint64(id[:]) >> 2,
			Version:          1,
			Codecs:           cfg.Codecs,
			EventPayloadType: cfg.EventPayloadType,
			ComfortNoise:     comfort,
			PTime:            cfg.PTime,
			Direction:        offer.SendRecv,
			XR:               xr,
		},
	}
}

// fits says whether there is a port for a path.
func (l *leg) fits(path sip.Path) bool {
	return (l.socket != nil || l.session != nil) && l.local.Addr == path.Local.Unmap()
}

// open makes sure that there is a port for a path: ready, or, when that is nil, a new
// one. A port on another address, left from a hop that did not answer, is closed with
// what ran on it.
func (l *leg) open(path sip.Path, ready *port) error {
	l.public = path.Public
	if l.fits(path) {
		return nil
	}
	l.close()
	socket, err := l.openSocket(path.Local.Unmap(), ready)
	if err != nil {
		return err
	}
	l.socket = socket
	l.settle(path.Local.Unmap(), socket, ready)
	return nil
}

func (l *leg) openSocket(addr netip.Addr, ready *port) (*media.Socket, error) {
	if ready != nil {
		return ready.take()
	}
	socket, err := l.cfg.Ports.Open(addr)
	if err != nil {
		return nil, fmt.Errorf("dialer: no port for sound on %s: %w", addr, err)
	}
	return socket, nil
}

// settle notes where our sound is received.
func (l *leg) settle(addr netip.Addr, socket *media.Socket, ready *port) {
	l.local.Addr, l.local.RTPPort, l.local.RTCPPort = addr, socket.RTP().Port(), socket.RTCP().Port()
	l.mapped = media.Mapping{}
	if ready != nil {
		l.mapped = ready.mapped
	}
}

// offer describes what we want, in the given direction.
func (l *leg) offer(dir offer.Direction) ([]byte, error) {
	local := l.told()
	local.Direction = dir
	return l.say(func(version uint64) ([]byte, error) {
		local.Version = version
		return local.Offer()
	})
}

// told is what the peer is told of us, but for the direction.
func (l *leg) told() offer.Local {
	local := l.local
	if l.applied {
		local = local.Keep(l.params)
	}
	if l.public.IsValid() {
		local.Addr = l.public
	}
	if m := l.mapped; m.RTP.IsValid() {
		local.Addr, local.RTPPort, local.RTCPPort = m.RTP.Addr(), m.RTP.Port(), m.RTCP.Port()
	}
	return local
}

// answer describes what we take of their offer, in the given direction at most.
func (l *leg) answer(remote []byte, dir offer.Direction) ([]byte, offer.Params, error) {
	local := l.told()
	local.Direction = dir
	var params offer.Params
	body, err := l.say(func(version uint64) (body []byte, err error) {
		local.Version = version
		body, params, err = local.Answer(remote)
		return body, err
	})
	return body, params, err
}

// say builds a description, with Version one higher when it differs from the
// last one sent (RFC 3264 §8).
func (l *leg) say(build func(version uint64) ([]byte, error)) ([]byte, error) {
	body, err := build(l.local.Version)
	if err != nil {
		return nil, err
	}
	if l.said != nil && !bytes.Equal(body, l.said) {
		l.local.Version++
		if body, err = build(l.local.Version); err != nil {
			return nil, err
		}
	}
	l.said = body
	return body, nil
}

// accept reads their answer to our offer.
func (l *leg) accept(ours, theirs []byte) (offer.Params, error) {
	if len(theirs) == 0 {
		return offer.Params{}, errors.New("dialer: the answer holds no SDP")
	}
	return l.local.Accept(ours, theirs)
}

// probe says whether their offer could be answered at all, before a port is
// taken for it.
func (l *leg) probe(path sip.Path, remote []byte) error {
	if err := l.admit(path, false); err != nil {
		return err
	}
	local := l.local
	local.Addr, local.RTPPort, local.RTCPPort = path.Local.Unmap(), 9, 0
	_, params, err := local.Answer(remote)
	params.ReceiveKey.Wipe()
	return err
}

// apply puts params into force and starts the session at the first time.
func (l *leg) apply(params offer.Params) error {
	if err := l.start(); err != nil {
		return err
	}
	l.own(&params)
	if err := l.session.Apply(params); err != nil {
		return fmt.Errorf("dialer: media parameters: %w", err)
	}
	l.params, l.applied = params, true
	return nil
}

// start begins to listen: whoever has offered must be ready to receive, since
// the sound may be here before the answer is (RFC 3264 §5.1). It does nothing
// when the session runs.
func (l *leg) start() error {
	if l.session != nil {
		return nil
	}
	if l.socket == nil {
		return errors.New("dialer: no port is open for sound")
	}
	session, err := media.NewSession(media.SessionConfig{
		Socket:  l.socket,
		Tap:     l.cfg.MediaTap,
		Logger:  l.cfg.Logger,
		Jitter:  l.cfg.Jitter,
		OnDigit: l.onDigit,
		Digits:  l.cfg.Digits,

		ExtendedReports: l.cfg.ExtendedReports,
		OnTimeout:       l.onSilence,
	})
	if err != nil {
		return fmt.Errorf("dialer: media session: %w", err)
	}
	l.session, l.socket = session, nil
	session.SetSource(l.source)
	session.SetSink(l.sink)
	session.SetMonitor(l.monitor)
	session.SetMuted(l.muted)
	l.detach = l.cfg.Pacer.Add(session)
	return nil
}

// listenFor has onSilence called when nothing is heard for d, from now on. On hold
// the time stands still.
func (l *leg) listenFor(d time.Duration) {
	if l.session != nil && d > 0 {
		l.session.SetTimeout(d)
	}
}

func (l *leg) setSource(s audio.Source) {
	l.source = s
	if l.session != nil {
		l.session.SetSource(s)
	}
}

func (l *leg) setSink(s audio.Sink) {
	l.sink = s
	if l.session != nil {
		l.session.SetSink(s)
	}
}

func (l *leg) setMonitor(m audio.Monitor) {
	l.monitor = m
	if l.session != nil {
		l.session.SetMonitor(m)
	}
}

func (l *leg) setMuted(on bool) {
	l.muted = on
	if l.session != nil {
		l.session.SetMuted(on)
	}
}

// close gives the port back. It is idempotent and returns the statistics as
// they stood, zero when no session ran.
func (l *leg) close() media.Stats {
	var stats media.Stats
	if l.detach != nil {
		l.detach()
	}
	if l.session != nil {
		_ = l.session.Close() // what it counts is final from here on
		stats = l.session.Stats()
	}
	if l.socket != nil {
		_ = l.socket.Close()
	}
	l.detach, l.session, l.socket, l.applied = nil, nil, nil, false
	l.wipe()
	return stats
}
