//go:build linux

package mediaload

import (
	"context"
	"errors"
	"math"
	"net"
	"net/netip"
	"time"

	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/offer"
)

// sessions carries calls as the telephone does.
type sessions struct {
	ports   *media.Ports
	pacer   *media.Pacer
	speech  *audio.WAV
	all     []*media.Session
	params  []offer.Params
	removes []func()
}

func newSessions(kind string) (*sessions, error) {
	cfg := media.PortsConfig{}
	if kind == Readers || kind == Before {
		cfg.ListenPacket = func(ctx context.Context, network, addr string) (net.PacketConn, error) {
			c, err := new(net.ListenConfig).ListenPacket(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return plain{c.(*net.UDPConn)}, nil
		}
	}
	samples := make([]int16, 8000)
	for i := range samples {
		at := float64(i) / 8000
		samples[i] = int16(6000 * math.Sin(2*math.Pi*210*at) * (1 + math.Sin(2*math.Pi*3*at)))
	}
	speech, err := audio.NewWAV(8000, samples)
	if err != nil {
		return nil, err
	}
	return &sessions{
		ports:  media.NewPorts(cfg),
		pacer:  media.NewPacer(media.PacerConfig{KernelTimer: kind == Ours || kind == Readers}),
		speech: speech,
	}, nil
}

// plain hides that it is the operating system's socket.
type plain struct{ *net.UDPConn }

func loopback(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

func (s *sessions) add(rtp, rtcp uint16) error {
	socket, err := s.ports.Open(loopback(0).Addr())
	if err != nil {
		return err
	}
	session, err := media.NewSession(media.SessionConfig{Socket: socket})
	if err != nil {
		return err
	}
	p := offer.Params{
		Remote: loopback(rtp), RemoteRTCP: loopback(rtcp),
		Send: offer.PCMU(), Receive: []offer.Codec{offer.PCMU(), offer.PCMA()},
		EventSend: 101, EventReceive: 101, PTime: 20 * time.Millisecond, Direction: offer.SendRecv,
	}
	session.SetSource(s.speech.Source(true))
	session.SetSink(audio.Discard{})
	s.all, s.params = append(s.all, session), append(s.params, p)
	s.removes = append(s.removes, s.pacer.Add(session))
	return session.Apply(p)
}

func (s *sessions) silence() (err error) {
	for i, session := range s.all {
		p := s.params[i]
		p.Direction = offer.RecvOnly
		err = errors.Join(err, session.Apply(p))
	}
	return err
}

func (s *sessions) count(r *Result) {
	for _, session := range s.all {
		st := session.Stats()
		r.Sent += st.PacketsSent
		r.Received += st.PacketsReceived
		r.Dropped += st.Overflows + st.SendErrors + st.FramesLate
		r.Lost += st.PacketsLost
	}
	p := s.pacer.Stats()
	r.Skipped, r.P99Tick, r.P999Tick, r.MaxTick = p.Skipped, p.P99Late, p.P999Late, p.MaxLate
}

func (s *sessions) close() (err error) {
	for i, session := range s.all {
		if i < len(s.removes) {
			s.removes[i]()
		}
		err = errors.Join(err, session.Close())
	}
	return errors.Join(err, s.pacer.Close())
}
