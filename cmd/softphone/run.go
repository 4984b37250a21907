package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/metrics"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/sip"
	"github.com/softphone-go/softphone/store"
)

func newRun(env *environment) *cobra.Command {
	var f flags
	var s sound
	var c controlFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run as a daemon: PhoneCall directives in, events out",
		Long: `run registers the accounts of the file (or of the flags) and then works on PhoneCall
1.3 directives: one JSON object a line on standard input, one event a line on standard
output. The first directive waits until the account is registered, or refused. A refused
directive is reported on standard error. The end of the input stops the reading, not the
phone; SIGTERM hangs up, unregisters and ends.

  softphone run -c softphone.toml < directives.jsonl > events.jsonl

Other programs on this machine steer it over HTTP, with the token in --token-file: see
docs/control.md. Commands on the same data folder find the running phone by themselves.

  softphone run -c softphone.toml --listen 127.0.0.1:8780 --token-file token
  (umask 077; echo "Authorization: Bearer $(cat token)" > auth)
  curl -H @auth http://127.0.0.1:8780/v1/context

A directive:

  {"header":{"namespace":"PhoneCall","name":"MakeCall","messageId":"m1","dialogRequestId":"d1","version":"1.3"},
   "payload":{"callType":"NORMAL","recipient":{"name":"echo","type":"CONTACT","contacts":[{"number":"600"}]}}}

The file (every key may be left out, but server and user):

  data_dir = "/var/lib/softphone"          # history, block rules, journal
  [sip]
  listen = ["udp:0.0.0.0:5060"]            # default: any port, udp and tcp
  max_calls = 100
  session_expires = "30m"                  # a call that nobody refreshes for so long ends (RFC 4028); 0s: never
  session_min = "90s"                      # shorter ones are refused
  prack = "auto"                           # "always": ring reliably (RFC 3262) where the caller can; "off": never
  allow = ["127.0.0.0/8", "::1"]           # who is answered besides the PBX: networks, or "any"
  max_rate = 300                           # new requests a second from one of these addresses
  max_wait = "500ms"                       # while calls wait longer to be served, new ones get 503; negative: never
  public_address = "203.0.113.5"           # ours outside the NAT, if the PBX cannot see it
  stun_server = "stun.example.com"         # or ask there where we are seen outside the NAT (RFC 8489)
  outbound = "auto"                        # offer registrars RFC 5626: all over the flow we keep alive; or "off"
  keep_alive = "29s"                       # pause between keep-alives; negative: none
  [media]
  rtp_ports = "16384-32767"
  dscp = 46                                # mark on RTP and RTCP: 46 is expedited forwarding, 0 none
  rtcp_xr = "negotiated"                   # extended reports, when the other side asks; or "always", "off"
  ptime = "20ms"
  codecs = ["pcmu", "pcma"]
  timeout = "1m"                           # end a call that goes silent; 0s: never
  dtmf = "auto"                            # keys: or "rfc4733" (else INFO), "inband" (tones), "info"
  dtx = false                              # true: send comfort noise instead of silence
  srtp = "off"                             # "offered" or "required" encrypts the sound; also in [[account]]
  srtp_suites = ["AES_CM_128_HMAC_SHA1_80"]  # by preference; default all that there are
  srtp_keys_without_tls = false            # true: keys may travel over udp and tcp, for all to read
  delay = "60ms"                           # playout delay to begin with; also min_delay, max_delay, fixed_delay
  [phone]
  region = "KR"                            # how numbers are read
  play_service_id = "softphone"
  ring_timeout = "3m"
  send_numbers = false                     # true: candidates carry numbers, not only tokens
  accept_transfers = false                 # true: the other side may have us call somebody else instead
  follow_redirects = false                 # true: call whom the other side names instead (302)
  auto_answer = []                         # callers that may ask to be answered at once, such as ["1000", "door"]
  [block]
  reject = "603"                           # or "486", "silent"
  anonymous = false
  [log]
  level = "info"
  [[account]]
  server = "pbx.example.com"
  user = "alice"
  password_file = "alice.password"         # or password_env, or password in a file of mode 0600
  transport = "udp"                        # or "tcp", "tls", "ws", "wss"
  tls_ca = "ca.pem"                        # who may sign the server's certificate; also tls_cert, tls_key, tls_server_name
  proxy = "edge.example.com"               # outbound proxy
  ws_path = "/ws"                          # of the WebSocket
  mode = "phone"                           # or "automation"
  message_waiting = false                  # true: ask the PBX to tell what is in the mailbox

` + exitHelp,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return daemon(cmd.Context(), env, &f, &s, &c) },
	}
	f.addPhone(cmd)
	c.add(cmd)
	cmd.Flags().StringVar(&s.play, "play", "", "WAV `FILE` to play in every call, in place of silence")
	cmd.Flags().BoolVar(&s.loop, "loop", false, "play it over and over")
	s.addRecord(cmd, "WAV `FILE` for what the other side says; further calls go to FILE-2, FILE-3, ...")
	return cmd
}

func daemon(ctx context.Context, env *environment, f *flags, sound *sound, c *controlFlags) (err error) {
	if err := errors.Join(sound.check(), c.check()); err != nil {
		return err
	}
	d := newDirected(sound)
	figures := metrics.New()
	s, err := f.open(ctx, env, func(c *phone.Config) { c.Media, c.Monitor, c.Metrics = d.media, d.monitor, figures })
	if err != nil {
		return err
	}
	s.metrics = figures
	if len(s.file.Accounts) == 0 {
		return errors.Join(&exitError{exitUsage, phone.ErrNoAccount}, s.close())
	}
	server, err := c.open(ctx, s)
	if err != nil {
		return errors.Join(err, s.close())
	}
	finish := s.follow(func(ev store.Event) {
		if strings.HasPrefix(ev.Type, phone.TypePhoneCall) {
			s.out.raw(ev.Data)
		}
		d.ended(ev)
	})
	for _, a := range s.file.Accounts {
		if err = s.AddAccount(a); err != nil {
			return errors.Join(err, finish(), closeControl(server), s.close())
		}
	}
	go func() {
		s.settle(ctx)
		readDirectives(ctx, env.stdin, env.stderr, s.Agent())
	}()
	<-ctx.Done()
	if server != nil {
		server.Drain()
	}
	return errors.Join(finish(), closeControl(server), d.close(), s.close())
}

// settle waits until it is known whether the account that directives call with
// is registered: a call of the first directive would fail otherwise.
func (s *session) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, registerTime)
	defer cancel()
	for unsettled := true; unsettled && sleep(ctx, 5*time.Millisecond); {
		unsettled = false
		for _, a := range s.Accounts() {
			if a.Mode == config.ModePhone {
				unsettled = a.Registration.Phase == sip.Idle || a.Registration.Phase == sip.Registering
				break
			}
		}
	}
}

// readDirectives hands each line to the directive layer until the input ends.
// It may stay in a read when the phone has stopped: the process ends then. A line
// that waits for the disk does not keep those behind it; refusals are told in
// the order of the lines.
func readDirectives(ctx context.Context, in io.Reader, complain io.Writer, a *agent.Agent) {
	type handed struct {
		line   int
		answer func() error
	}
	lines := make(chan handed, 100)
	var told sync.WaitGroup
	defer told.Wait()
	defer close(lines)
	told.Go(func() {
		for l := range lines {
			if refused := l.answer(); refused != nil && !errors.Is(refused, agent.ErrClosed) {
				fmt.Fprintf(complain, "line %d: %s\n", l.line, strings.ReplaceAll(refused.Error(), "\n", "; "))
			}
		}
	})
	r := bufio.NewReaderSize(in, 64<<10)
	for n := 1; ; n++ {
		line, err := readLine(r)
		if line = bytes.TrimSpace(line); len(line) > 0 && ctx.Err() == nil {
			lines <- handed{n, a.Submit(ctx, line)}
		}
		if err != nil || ctx.Err() != nil {
			return
		}
	}
}

// readLine reads a line of any length and keeps at most what a directive may
// have, and one byte more so that the excess is noticed.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, more, err := r.ReadLine()
		if room := agent.MaxDirective + 1 - len(line); room > 0 {
			line = append(line, part[:min(len(part), room)]...)
		}
		if err != nil || !more {
			return line, err
		}
	}
}

// directed keeps the sound of the calls that directives, or lines on standard input,
// make and answer.
type directed struct {
	sound *sound
	mu    sync.Mutex
	calls map[string]ends
	err   error
}

func newDirected(s *sound) *directed { return &directed{sound: s, calls: make(map[string]ends)} }

func (d *directed) media(id string) (audio.Source, audio.Sink) {
	e, err := d.sound.next()
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil { // the call goes on, unrecorded; the end of the daemon tells
		d.err = errors.Join(d.err, err)
		return audio.Silence{}, audio.Discard{}
	}
	d.calls[id] = e
	return e.source, e.sink
}

// keep has the sound of a call end with it.
func (d *directed) keep(id string, e ends) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[id] = e
}

// ended sees the journal's events: a call that is over needs its sound no more.
func (d *directed) ended(ev store.Event) {
	if ev.Type == phone.TypeEnded {
		d.over(strings.TrimPrefix(ev.Subject, "calls/"))
	}
}

// monitor is what sees both sides of a call that media was asked about before.
func (d *directed) monitor(id string) audio.Monitor {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls[id].monitor
}

func (d *directed) over(id string) {
	d.mu.Lock()
	e, ok := d.calls[id]
	delete(d.calls, id)
	d.mu.Unlock()
	if ok {
		if err := e.finish(); err != nil {
			d.mu.Lock()
			d.err = errors.Join(d.err, err)
			d.mu.Unlock()
		}
	}
}

func (d *directed) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.calls {
		d.err = errors.Join(d.err, e.finish())
	}
	return d.err
}
