package doctor_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/doctor"
	"github.com/softphone-go/softphone/internal/exchange"
	"github.com/softphone-go/softphone/internal/memnet"
	"github.com/softphone-go/softphone/sip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an exchange at 10.0.0.1, known to DNS as pbx.test, and the machine
// of a phone at 10.0.0.2.
type world struct {
	t    *testing.T
	net  *memnet.Network
	pbx  *memnet.Host
	ex   *exchange.Exchange
	cfg  doctor.Config
	said []doctor.Check
	stop func() // the TLS server
}

func inWorld(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: memnet.New(1, memnet.Link{Delay: 5 * time.Millisecond})}
		w.pbx = w.net.Host(netip.MustParseAddr("10.0.0.1"))
		var err error
		w.ex, err = exchange.Start(exchange.Config{
			Addr: "10.0.0.1:5060", Users: []exchange.User{{Name: "alice", Password: "secret"}},
			ListenPacket: w.pbx.ListenPacket, Listen: w.pbx.Listen,
		})
		require.NoError(t, err)
		defer func() {
			require.NoError(t, w.ex.Close())
			w.net.Close()
		}()
		phone := w.net.Host(netip.MustParseAddr("10.0.0.2"))
		file := config.Default()
		file.Accounts = []config.Account{{Server: "10.0.0.1", User: "alice", Password: "secret"}}
		w.cfg = doctor.Config{
			File: file, Echo: "600",
			Network: sip.Network{
				ListenPacket: phone.ListenPacket, Listen: phone.Listen, Dial: phone.Dial, LocalFor: phone.LocalFor,
				LookupAddr: w.lookup, LookupSRV: func(context.Context, string) ([]*net.SRV, error) { return nil, errors.New("none") },
			},
			ListenMedia:    phone.ListenPacket,
			LocalAddresses: func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("10.0.0.2")}, nil },
		}
		f(w)
	})
}

func (w *world) lookup(_ context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	if host == "pbx.test" {
		return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// run makes the checks and returns them by name.
func (w *world) run() map[string]doctor.Check {
	w.t.Helper()
	var names []string
	all := doctor.Run(w.t.Context(), w.cfg, func(c doctor.Check) { w.said = append(w.said, c) })
	by := map[string]doctor.Check{}
	for _, c := range all {
		w.t.Logf("%-8s %-14s %s -> %s", c.Status, c.Name, c.Finding, c.Advice)
		by[c.Name] = c
		names = append(names, c.Name)
		assert.NotContains(w.t, c.Finding+c.Advice, "secret")
		assert.NotEmpty(w.t, c.Finding)
		assert.True(w.t, c.Status != doctor.Failed || c.Advice != "", "what failed comes with advice")
	}
	reach := "reach udp,reach tcp,"
	if len(w.cfg.File.Accounts) > 0 {
		if t := w.cfg.File.Accounts[0].Transport; t == "tls" || t == "ws" {
			reach += "reach " + t + ","
		}
	}
	assert.Equal(w.t, "configuration,names,"+reach+"certificate,registration,nat,echo", strings.Join(names, ","))
	assert.Equal(w.t, all, w.said)
	return by
}

func TestRun_AllIsWell(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cfg.File.Accounts[0].Server = "pbx.test"
		got := w.run()
		for _, name := range []string{"configuration", "names", "reach udp", "reach tcp", "registration", "nat", "echo"} {
			assert.Equal(t, doctor.OK, got[name].Status, name)
		}
		assert.Equal(t, doctor.Skipped, got["certificate"].Status)
		assert.Contains(t, got["names"].Finding, "pbx.test is 10.0.0.1")
		assert.Contains(t, got["echo"].Finding, "0 lost")
		assert.True(t, doctor.Healthy(w.said))
	})
}

func TestRun_WrongPassword(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cfg.File.Accounts[0].Password = "secreT"
		got := w.run()
		assert.Equal(t, doctor.Failed, got["registration"].Status)
		assert.Contains(t, got["registration"].Advice, "password")
		assert.Equal(t, doctor.Skipped, got["echo"].Status)
		first, sick := doctor.First(w.said)
		assert.True(t, sick)
		assert.Equal(t, doctor.Registration, first.Name)
	})
}

func TestRun_NobodyThere(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cfg.File.Accounts[0].Server = "10.0.0.9"
		begun := time.Now()
		got := w.run()
		assert.Equal(t, doctor.Failed, got["reach udp"].Status)
		assert.Equal(t, doctor.Failed, got["reach tcp"].Status)
		assert.Equal(t, doctor.Skipped, got["registration"].Status)
		assert.LessOrEqual(t, time.Since(begun), 20*time.Second)
	})
}

func TestRun_NameUnknown(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cfg.File.Accounts[0].Server = "pbx.tset"
		got := w.run()
		assert.Equal(t, doctor.Failed, got["names"].Status)
		assert.Contains(t, got["names"].Finding, "DNS does not know pbx.tset")
		assert.Equal(t, doctor.Skipped, got["reach udp"].Status)
	})
}

func TestRun_Services_RFC3263_4(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cfg.File.Accounts[0].Server = "company.test"
		w.cfg.Network.LookupSRV = func(_ context.Context, name string) ([]*net.SRV, error) {
			if name == "_sip._udp.company.test" {
				return []*net.SRV{{Target: "pbx.test.", Port: 5060, Priority: 10, Weight: 5}}, nil
			}
			return nil, errors.New("none")
		}
		got := w.run()
		assert.Equal(t, doctor.OK, got["names"].Status)
		assert.Contains(t, got["names"].Finding, "_sip._udp to pbx.test:5060 (10.0.0.1), priority 10, weight 5")
		assert.Equal(t, doctor.OK, got["reach udp"].Status)
	})
}

// What NAPTR says is where SRV is asked.
func TestRun_NAPTR_RFC3263_4_1(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cfg.File.Accounts[0].Server = "company.test"
		w.cfg.Network.LookupNAPTR = func(_ context.Context, domain string) ([]sip.NAPTR, error) {
			return []sip.NAPTR{{Order: 10, Flags: "s", Service: "SIP+D2U", Replacement: "_sip._udp.provider.test"}}, nil
		}
		w.cfg.Network.LookupSRV = func(_ context.Context, name string) ([]*net.SRV, error) {
			if name == "_sip._udp.provider.test" {
				return []*net.SRV{{Target: "pbx.test.", Port: 5060}}, nil
			}
			return nil, errors.New("none")
		}
		assert.Contains(t, w.run()["names"].Finding, "_sip._udp.provider.test to pbx.test:5060")
	})
}

func TestRun_ThroughAProxy(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cfg.File.Accounts[0].Server, w.cfg.File.Accounts[0].Proxy = "company.test", "sip:pbx.test;lr"
		got := w.run()
		assert.Contains(t, got["configuration"].Finding, "through the proxy pbx.test")
		assert.Equal(t, doctor.OK, got["names"].Status)
		assert.Equal(t, doctor.OK, got["reach udp"].Status)
	})
}

// The port of a WebSocket is no port for SIP over UDP or TCP.
func TestRun_PortOfTheWebSocket_RFC7118(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cfg.File.Accounts[0].Server, w.cfg.File.Accounts[0].Transport = "pbx.test:8088", "ws"
		got := w.run()
		assert.Equal(t, doctor.OK, got["reach udp"].Status)
		assert.Equal(t, doctor.OK, got["reach tcp"].Status)
		assert.Equal(t, doctor.Failed, got["reach ws"].Status)
		assert.Contains(t, got["reach ws"].Finding, "at pbx.test:8088")
	})
}

func TestRun_NoEchoThere(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cfg.Echo = "699"
		got := w.run()
		assert.Equal(t, doctor.Failed, got["echo"].Status)
		assert.Contains(t, got["echo"].Finding, "the PBX has nothing at 699")
		w.cfg.Echo, w.said = "", nil
		assert.Equal(t, doctor.Skipped, w.run()["echo"].Status)
		assert.True(t, doctor.Healthy(w.said))
	})
}

// A milliwatt is sound, and no echo.
func TestRun_SoundIsNotOurs(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cfg.Echo = "607"
		got := w.run()
		assert.Equal(t, doctor.Failed, got["echo"].Status)
		assert.Contains(t, got["echo"].Finding, "but not what this phone said")
	})
}

// deaf gets no datagram.
type deaf struct{ net.PacketConn }

func (d deaf) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		if _, _, err := d.PacketConn.ReadFrom(p); err != nil {
			return 0, nil, err
		}
	}
}

func TestRun_NoSoundComesBack(t *testing.T) {
	inWorld(t, func(w *world) {
		listen := w.cfg.ListenMedia
		w.cfg.ListenMedia = func(ctx context.Context, network, addr string) (net.PacketConn, error) {
			c, err := listen(ctx, network, addr)
			return deaf{c}, err
		}
		got := w.run()
		assert.Equal(t, doctor.Failed, got["echo"].Status)
		assert.Contains(t, got["echo"].Finding, "none came back")
		assert.Contains(t, got["echo"].Advice, w.cfg.File.Media.RTPPorts)
	})
}

func TestRun_BehindNAT_RFC3581(t *testing.T) {
	inWorld(t, func(w *world) {
		w.cfg.LocalAddresses = func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("192.168.1.5")}, nil }
		got := w.run()
		assert.Equal(t, doctor.Note, got["nat"].Status)
		assert.Contains(t, got["nat"].Finding, "10.0.0.2")
		assert.True(t, doctor.Healthy(w.said))
	})
}

func TestRun_Configuration(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*doctor.Config)
		says   string
	}{
		"no account":      {func(c *doctor.Config) { c.File.Accounts = nil }, "there is no account"},
		"another account": {func(c *doctor.Config) { c.Account = "bob@pbx" }, `there is no account "bob@pbx"`},
		"no password":     {func(c *doctor.Config) { c.File.Accounts[0].Password = "" }, "has no password"},
		"loopback": {func(c *doctor.Config) { c.File.SIP.Listen = []string{"udp:127.0.0.1:0"} },
			"SIP listens on this machine only"},
		"keys":      {func(c *doctor.Config) { c.File.Accounts[0].SRTP = "required" }, "its keys may not travel over udp or tcp"},
		"bad value": {func(c *doctor.Config) { c.File.Media.RTPPorts = "x" }, "rtp_ports"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				c.change(&w.cfg)
				got := w.run()
				assert.Equal(t, doctor.Failed, got["configuration"].Status)
				assert.Contains(t, got["configuration"].Finding, c.says)
				assert.Equal(t, doctor.Skipped, got["names"].Status)
			})
		})
	}
}

func TestRun_Interrupted(t *testing.T) {
	inWorld(t, func(w *world) {
		ctx, cancel := context.WithCancel(w.t.Context())
		cancel()
		for _, c := range doctor.Run(ctx, w.cfg, nil) {
			assert.Equal(t, doctor.Skipped, c.Status)
		}
	})
}
