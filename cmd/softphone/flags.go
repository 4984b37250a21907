package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/phone"
)

// flags are those that every command which is a phone understands.
type flags struct {
	file         string
	server       string
	user         string
	domain       string
	authUser     string
	displayName  string
	transport    string
	tls          config.TLS
	wsPath       string
	proxy        string
	stun         string
	passwordFile string
	expires      time.Duration
	messages     bool
	transfers    bool
	redirects    bool
	autoAnswer   []string
	listen       []string
	allow        []string
	dataDir      string
	rtpPorts     string
	dscp         int
	mediaTimeout time.Duration
	sessionTime  time.Duration
	codec        string
	ptime        time.Duration
	playoutDelay time.Duration
	dtx          bool
	dtmfMode     string
	srtp         string
	srtpSuites   []string
	srtpKeys     bool
	sipTrace     bool
	pcap         string
	json         bool
	logLevel     string
}

// add gives cmd the flags.
func (f *flags) add(cmd *cobra.Command) {
	f.addPhone(cmd)
	cmd.Flags().StringSliceVar(&f.listen, "listen", nil, "as --sip-listen")
}

// addPhone gives cmd the flags, but for --listen: that means something else to a
// command that listens for more than SIP.
func (f *flags) addPhone(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVarP(&f.file, "config", "c", "", "TOML `FILE` with accounts and settings")
	fs.StringVar(&f.server, "server", "", "the PBX, `HOST[:PORT]` (or SOFTPHONE_SERVER)")
	fs.StringVar(&f.user, "user", "", "account `NAME` (or SOFTPHONE_USER); the password is read from SOFTPHONE_PASSWORD, --password-file or a prompt")
	fs.StringVar(&f.domain, "domain", "", "SIP `DOMAIN` of the account, if it is not the server's host")
	fs.StringVar(&f.authUser, "auth-user", "", "user `NAME` for authentication, if it is another")
	fs.StringVar(&f.displayName, "display-name", "", "`NAME` that the other side is shown")
	fs.StringVar(&f.transport, "transport", "", "`udp`, tcp, tls, ws or wss; by itself the phone takes udp, and tcp for what is too large")
	f.addTLS(cmd)
	fs.StringVar(&f.passwordFile, "password-file", "", "`FILE` whose first line is the password; nobody else may read it")
	fs.DurationVar(&f.expires, "expires", 0, "registration `TIME` to ask for (default 1h)")
	fs.StringSliceVar(&f.listen, "sip-listen", nil, "`ADDR` for SIP: udp:0.0.0.0:5060, tcp:[::]:5060, tls:..., or 127.0.0.1:5060 for both (default any port)")
	fs.BoolVar(&f.transfers, "accept-transfers", false, "let the other side of a call have this phone call somebody else instead, at the account's cost")
	fs.BoolVar(&f.redirects, "follow-redirects", false, "call whom the other side names instead (302), at the account's cost")
	fs.StringSliceVar(&f.autoAnswer, "auto-answer", nil, "`CALLERS` that may ask to be answered at once (Call-Info, Alert-Info), by number or user name")
	fs.BoolVar(&f.messages, "message-waiting", false, "ask the PBX to tell what waits in the account's mailbox")
	fs.StringVar(&f.stun, "stun", "", "`HOST[:PORT]` of a STUN server that says where this phone is seen outside the NAT")
	fs.StringSliceVar(&f.allow, "allow", nil, "`NETWORKS` whose calls are taken besides the PBX's, such as 192.0.2.0/24, or any; all others get no answer (default this machine)")
	fs.StringVar(&f.dataDir, "data-dir", "", "`DIR` of history and block rules (default ~/.local/state/softphone)")
	fs.StringVar(&f.rtpPorts, "rtp-ports", "", "`MIN-MAX` of the ports for sound (default 16384-32767)")
	fs.StringVar(&f.codec, "codec", "", "`LIST` of codecs by preference: pcmu,pcma")
	fs.DurationVar(&f.ptime, "ptime", 0, "`TIME` of sound in a packet, 10ms to 60ms (default 20ms)")
	fs.DurationVar(&f.playoutDelay, "playout-delay", 0, "keep the playout delay at `TIME`, 20ms to 500ms (default: it follows the network)")
	fs.StringVar(&f.dtmfMode, "dtmf-mode", "", "keys travel by `auto` (events, else tones), rfc4733 (events, else INFO), inband (tones) or info (SIP INFO) (default auto)")
	fs.BoolVar(&f.dtx, "dtx", false, "while nobody speaks, send only what that sounds like (comfort noise, RFC 3389), if the other side takes it")
	fs.StringVar(&f.srtp, "srtp", "", "encrypt the sound: `off`, offered (if the other side can) or required; the keys travel in SIP, so see --srtp-keys-without-tls")
	fs.StringSliceVar(&f.srtpSuites, "srtp-suites", nil, "`LIST` of SRTP suites by preference (default "+strings.Join(config.SRTPSuites(), ",")+")")
	fs.BoolVar(&f.srtpKeys, "srtp-keys-without-tls", false, "let SRTP keys travel in SIP over udp or tcp, where anybody on the way can read them")
	fs.IntVar(&f.dscp, "dscp", notGiven, "`MARK` on sound for the network, 0 to 63: 46 is expedited forwarding, 0 no mark (default 46)")
	fs.DurationVar(&f.mediaTimeout, "media-timeout", notGiven, "end a call that hears nothing for `TIME`, not counting holds; 0s: never (default 1m)")
	fs.DurationVar(&f.sessionTime, "session-expires", notGiven, "end a call that nobody refreshed for `TIME`, 90s or more (RFC 4028); 0s: never (default 30m)")
	fs.Lookup("session-expires").DefValue = "0"
	fs.Lookup("dscp").DefValue, fs.Lookup("media-timeout").DefValue = "0", "0" // the help says what they are
	fs.BoolVar(&f.sipTrace, "sip-trace", false, "print whole SIP messages on standard error, credentials masked")
	fs.StringVar(&f.pcap, "pcap", "", "write SIP and RTP to `FILE`, to be read with Wireshark")
	fs.BoolVar(&f.json, "json", false, "print JSON lines, the last one the result")
	fs.StringVar(&f.logLevel, "log-level", "", "`LEVEL` of the log on standard error: debug, info, warn, error (default warn)")
}

// notGiven is the value of a flag that may be 0 but was not given.
const notGiven = -1

// load joins file, environment and flags; flags win.
func (f *flags) load(env *environment) (config.File, error) {
	c := config.Default()
	if f.file == "" {
		f.file = env.getenv("SOFTPHONE_CONFIG")
	}
	if f.file != "" {
		var err error
		if c, err = config.Load(f.file, env.getenv); err != nil {
			return c, &exitError{exitUsage, err}
		}
	}
	first := func(values ...string) string {
		for _, v := range values {
			if v != "" {
				return v
			}
		}
		return ""
	}
	if len(f.listen) > 0 {
		c.SIP.Listen = f.listen
	}
	if len(f.allow) > 0 {
		c.SIP.Allow = f.allow
	}
	c.SIP.STUN = first(f.stun, c.SIP.STUN)
	c.Media.RTPPorts = first(f.rtpPorts, c.Media.RTPPorts)
	if f.dscp != notGiven {
		c.Media.DSCP = f.dscp
	}
	if f.mediaTimeout != notGiven {
		c.Media.Timeout = config.Duration(f.mediaTimeout)
	}
	if f.sessionTime != notGiven {
		c.SIP.SessionExpires = config.Duration(f.sessionTime)
		if f.sessionTime > 0 {
			c.SIP.SessionMin = min(c.SIP.SessionMin, max(c.SIP.SessionExpires, config.Duration(90*time.Second))) // RFC 4028 §4
		}
	}
	c.Log.Level = first(f.logLevel, c.Log.Level)
	if f.codec != "" {
		c.Media.Codecs = strings.Split(strings.ToLower(f.codec), ",")
	}
	if f.ptime != 0 {
		c.Media.PTime = config.Duration(f.ptime)
	}
	if d := f.playoutDelay; d != 0 {
		if d < 20*time.Millisecond || d > 500*time.Millisecond {
			return c, usagef("--playout-delay %s: 20ms to 500ms can be kept", d)
		}
		c.Media.Delay, c.Media.Fixed = config.Duration(d), true
	}
	c.Media.DTX = c.Media.DTX || f.dtx
	c.Phone.AcceptTransfers = c.Phone.AcceptTransfers || f.transfers
	c.Phone.FollowRedirects = c.Phone.FollowRedirects || f.redirects
	if len(f.autoAnswer) > 0 {
		c.Phone.AutoAnswer = f.autoAnswer
	}
	c.Media.Digits = first(strings.ToLower(f.dtmfMode), c.Media.Digits)
	c.DataDir = first(f.dataDir, env.getenv("SOFTPHONE_DATA_DIR"), c.DataDir)
	if c.DataDir == "" {
		var err error
		if c.DataDir, err = phone.DataDir(env.getenv); err != nil {
			return c, err
		}
	}
	if err := f.account(env, &c, first); err != nil {
		return c, err
	}
	f.secure(&c)
	f.certify(&c)
	if err := c.Check(); err != nil {
		return c, &exitError{exitUsage, err}
	}
	return c, nil
}

// secure has the flags of SRTP win over all that the file says.
func (f *flags) secure(c *config.File) {
	given := config.Security{SRTP: strings.ToLower(f.srtp), KeysWithoutTLS: f.srtpKeys}
	for _, s := range f.srtpSuites {
		given.Suites = append(given.Suites, strings.ToUpper(strings.TrimSpace(s)))
	}
	c.Media.Security = given.Over(c.Media.Security)
	for i := range c.Accounts {
		c.Accounts[i].Security = given.Over(c.Accounts[i].Security)
	}
}

// account puts the account of the flags in front of those of the file.
func (f *flags) account(env *environment, c *config.File, first func(...string) string) error {
	f.transport = strings.ToLower(f.transport)
	if f.transport != "" && !slices.Contains(config.Transports(), f.transport) {
		return usagef("--transport is %q; there are %s", f.transport, strings.Join(config.Transports(), ", "))
	}
	if err := notNegative(times{"--expires": f.expires}); err != nil {
		return err
	}
	server, user := first(f.server, env.getenv("SOFTPHONE_SERVER")), first(f.user, env.getenv("SOFTPHONE_USER"))
	if server == "" && user == "" {
		f.reach(c.Accounts)
		return nil
	}
	if server == "" {
		return usagef("--user is given but no --server; give the PBX as --server HOST[:PORT]")
	}
	if user == "" {
		return usagef("--server is given but no --user; give the account's name as --user NAME")
	}
	password, err := f.password(env, user, server)
	if err != nil {
		return err
	}
	c.Accounts = append([]config.Account{{
		Server: server, User: user, Domain: f.domain, AuthUser: f.authUser, DisplayName: f.displayName,
		Transport: strings.ToLower(first(f.transport, env.getenv("SOFTPHONE_TRANSPORT"))),
		Expires:   config.Duration(f.expires), Password: password, WSPath: f.wsPath, Proxy: f.proxy, MessageWaiting: f.messages,
	}}, c.Accounts...)
	return nil
}

func (f *flags) password(env *environment, user, server string) (string, error) {
	if f.passwordFile != "" {
		p, err := config.ReadPassword(f.passwordFile)
		if err != nil {
			return "", usagef("--password-file: %w", err)
		}
		return p, nil
	}
	if p := env.getenv("SOFTPHONE_PASSWORD"); p != "" {
		return p, nil
	}
	in, ok := env.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", nil // accounts without a password exist
	}
	fmt.Fprintf(env.stderr, "Password of %s at %s: ", user, server)
	p, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(env.stderr)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("the password could not be read: %w", err)
	}
	return string(p), nil
}

// times are flags that hold a time.
type times map[string]time.Duration

// notNegative refuses times that lie before now.
func notNegative(given times) error {
	for name, t := range given {
		if t < 0 {
			return usagef("%s is %s; a time cannot be negative", name, t)
		}
	}
	return nil
}

// logger writes to standard error, as lines for people or as JSON.
func (f *flags) logger(env *environment, level string) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // checked by config
	o := &slog.HandlerOptions{Level: l}
	if f.json {
		return slog.New(slog.NewJSONHandler(env.stderr, o))
	}
	return slog.New(slog.NewTextHandler(env.stderr, o))
}
