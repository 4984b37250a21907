// Package config reads the phone's TOML file: defaults, validation and
// secrets.
//
// Unknown keys are errors, every error names the key and says what is accepted,
// and a password never has to stand in the file. The package reads files and
// the environment it is handed; it opens no socket and starts nothing.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// File is a whole configuration. Load fills what the file leaves out with the
// values of Default.
type File struct {
	// DataDir holds the database. Empty: the user's state folder.
	DataDir string `toml:"data_dir"`

	SIP      SIP       `toml:"sip"`
	Media    Media     `toml:"media"`
	Phone    Phone     `toml:"phone"`
	Block    Block     `toml:"block"`
	Log      Log       `toml:"log"`
	Accounts []Account `toml:"account"`
}

// SIP configures the signalling.
type SIP struct {
	Listen    []string `toml:"listen"`         // "udp:0.0.0.0:5060", "tcp:[::]:5060", "tls:0.0.0.0:5061"; port 0 is any
	UserAgent string   `toml:"user_agent"`     // User-Agent header
	MaxCalls  int      `toml:"max_calls"`      // calls at once; 0: 100
	Public    string   `toml:"public_address"` // ours outside the NAT; empty: as the registrar sees us
	STUN      string   `toml:"stun_server"`    // host[:port] that is asked where we are seen outside the NAT; empty: nobody
	Outbound  string   `toml:"outbound"`       // RFC 5626: "auto" (default) offers it to registrars, "off" does not
	KeepAlive Duration `toml:"keep_alive"`     // pause between keep-alives; 0: 29s, negative: none
	Allow     []string `toml:"allow"`          // networks whose requests are answered besides the registrars': "192.0.2.0/24", "any"
	MaxRate   int      `toml:"max_rate"`       // new requests a second of one address of Allow; 0: 300
	MaxWait   Duration `toml:"max_wait"`       // while several new calls wait longer to be served, others get 503; 0: 500ms, negative: never

	SessionExpires Duration `toml:"session_expires"` // a call is refreshed within so long, or ends; 0: no session timer
	SessionMin     Duration `toml:"session_min"`     // shorter ones are refused; at least 90s
	PRACK          string   `toml:"prack"`           // "auto" (default), "always" or "off"

	TLS // of TLS listeners, and of accounts that say nothing of it
}

// Media configures the sound.
type Media struct {
	RTPPorts string   `toml:"rtp_ports"` // "16384-32767"
	PTime    Duration `toml:"ptime"`     // 10ms to 60ms
	Codecs   []string `toml:"codecs"`    // "pcmu", "pcma", by preference
	Delay    Duration `toml:"delay"`     // playout delay to begin with; 0: the engine's own
	MinDelay Duration `toml:"min_delay"`
	MaxDelay Duration `toml:"max_delay"`
	Fixed    bool     `toml:"fixed_delay"` // do not adapt
	Digits   string   `toml:"dtmf"`        // "auto" (default), "rfc4733", "inband", "info"
	DTX      bool     `toml:"dtx"`         // send comfort noise instead of silence, if the peer takes it
	Timeout  Duration `toml:"timeout"`     // a call that hears nothing for so long ends; 0: never
	DSCP     int      `toml:"dscp"`        // mark of RTP and RTCP, 0 to 63; 46: expedited forwarding
	RTCPXR   string   `toml:"rtcp_xr"`     // extended reports: "negotiated", "always" or "off"
	Security          // of accounts that do not say otherwise, and of calls without one
}

// Security says how the sound of calls is protected.
type Security struct {
	SRTP   string   `toml:"srtp"`        // "off" (default), "offered" or "required"
	Suites []string `toml:"srtp_suites"` // by preference; empty: all of SRTPSuites

	// KeysWithoutTLS allows to send and take the keys in SIP that is not encrypted,
	// where anybody on the way can read them. Without it, such a call is not encrypted,
	// or not made.
	KeysWithoutTLS bool `toml:"srtp_keys_without_tls"`
}

// SRTPSuites lists the suites that Security.Suites may name (RFC 4568, RFC 7714), in the
// order of preference that holds without it.
func SRTPSuites() []string {
	return []string{"AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"}
}

// Over is s with what it leaves out taken from general. What general allows is allowed.
func (s Security) Over(general Security) Security {
	if s.SRTP == "" {
		s.SRTP = general.SRTP
	}
	if len(s.Suites) == 0 {
		s.Suites = general.Suites
	}
	s.KeysWithoutTLS = s.KeysWithoutTLS || general.KeysWithoutTLS
	return s
}

// Phone configures the directive layer.
type Phone struct {
	Region        string   `toml:"region"`          // ISO 3166 country of the numbers, "KR"
	PlayServiceID string   `toml:"play_service_id"` // in events of calls nobody directed
	RingTimeout   Duration `toml:"ring_timeout"`    // how long an incoming call may ring
	SendNumbers   bool     `toml:"send_numbers"`    // numbers of contacts and past calls go into candidates

	// AcceptTransfers lets the other side of a call have us call somebody else in
	// its place (REFER). Such a call is made with our account, at our cost.
	AcceptTransfers bool `toml:"accept_transfers"`
	// FollowRedirects has a call go on to whom the called side names (3xx), five
	// times at most.
	FollowRedirects bool `toml:"follow_redirects"`
	// AutoAnswer lists the callers, by number or user name, whose wish to be answered
	// at once is granted (Call-Info answer-after, Alert-Info, Answer-Mode).
	AutoAnswer []string `toml:"auto_answer"`
}

// Block configures what happens to blocked callers.
type Block struct {
	Reject    string `toml:"reject"`    // "603" (default), "486" or "silent"
	Anonymous bool   `toml:"anonymous"` // callers without a number are blocked too
}

// Log configures the log on standard error.
type Log struct {
	Level string `toml:"level"` // debug, info, warn, error
}

// Mode says which interface an account's calls belong to.
type Mode string

// The modes of an account.
const (
	ModePhone      Mode = "phone"      // PhoneCall directives, one call at a time
	ModeAutomation Mode = "automation" // the control API, any number of calls
)

// Account is one SIP account.
type Account struct {
	ID           string   `toml:"id"`     // empty: user@domain
	Server       string   `toml:"server"` // host[:port]
	User         string   `toml:"user"`
	Domain       string   `toml:"domain"` // empty: the server's host
	DisplayName  string   `toml:"display_name"`
	AuthUser     string   `toml:"auth_user"` // empty: user
	Transport    string   `toml:"transport"` // udp, tcp, tls, ws, wss; empty: udp or tcp
	WSPath       string   `toml:"ws_path"`   // of the WebSocket; empty: /ws
	Proxy        string   `toml:"proxy"`     // outbound proxy, host[:port] or a sip URI; empty: none
	TLS                   // nothing: as in [sip]
	Expires      Duration `toml:"expires"`
	Aliases      []string `toml:"aliases"`
	Mode         Mode     `toml:"mode"`
	Password     string   `toml:"password"`      // only in a file nobody else can read
	PasswordFile string   `toml:"password_file"` // its first line
	PasswordEnv  string   `toml:"password_env"`  // the name of a variable
	// MessageWaiting subscribes to what waits in the account's mailbox. What the PBX
	// tells unasked is taken in any case.
	MessageWaiting bool `toml:"message_waiting"`
	Security            // what it leaves out is as in [media]
}

// Duration is a time.Duration written as "30s" or "20ms".
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration; write it like \"30s\" or \"20ms\"", text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Default returns the configuration of a phone without a file.
func Default() File {
	return File{
		SIP: SIP{Listen: []string{"udp:0.0.0.0:0", "tcp:0.0.0.0:0"}, MaxCalls: 100, Allow: []string{"127.0.0.0/8", "::1"},
			SessionExpires: Duration(30 * time.Minute), SessionMin: Duration(90 * time.Second), PRACK: "auto", Outbound: "auto"},
		Media: Media{RTPPorts: "16384-32767", PTime: Duration(20 * time.Millisecond), Codecs: []string{"pcmu", "pcma"}, Timeout: Duration(time.Minute), Digits: "auto", DSCP: 46, RTCPXR: "negotiated"},
		Phone: Phone{Region: "KR", PlayServiceID: "softphone", RingTimeout: Duration(3 * time.Minute)},
		Block: Block{Reject: "603"},
		Log:   Log{Level: "warn"},
	}
}

// Load reads and checks the file at path. getenv looks up password_env. The
// error names the file, the line where there is one, the key, and what would
// be accepted.
func Load(path string, getenv func(string) string) (File, error) {
	f := Default()
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, fmt.Errorf("%s: there is no such file; give the path of a TOML file after -c", path)
	}
	if err != nil {
		return f, fmt.Errorf("configuration: %w", err)
	}
	meta, err := toml.Decode(string(data), &f)
	if err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) {
			return f, fmt.Errorf("%s:%d: %s", path, parse.Position.Line, parse.Message)
		}
		return f, fmt.Errorf("%s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		names := make([]string, len(unknown))
		for i, k := range unknown {
			names[i] = k.String()
		}
		sort.Strings(names)
		return f, fmt.Errorf("%s: unknown key %s; `softphone run --help` lists the keys", path, strings.Join(names, ", "))
	}
	f.SIP.in(filepath.Dir(path))
	for i := range f.Accounts {
		f.Accounts[i].in(filepath.Dir(path))
	}
	if err := f.secrets(path, getenv); err != nil {
		return f, err
	}
	if err := f.Check(); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// secrets fills in the passwords that stand elsewhere.
func (f *File) secrets(path string, getenv func(string) string) error {
	for i := range f.Accounts {
		a := &f.Accounts[i]
		given := 0
		for _, s := range []string{a.Password, a.PasswordFile, a.PasswordEnv} {
			if s != "" {
				given++
			}
		}
		if given > 1 {
			return fmt.Errorf("%s: account %d: give only one of password, password_file and password_env", path, i+1)
		}
		switch {
		case a.Password != "":
			if err := private(path); err != nil {
				return fmt.Errorf("%s holds a password, but %w", path, err)
			}
		case a.PasswordFile != "":
			file := a.PasswordFile
			if !filepath.IsAbs(file) {
				file = filepath.Join(filepath.Dir(path), file)
			}
			p, err := ReadPassword(file)
			if err != nil {
				return fmt.Errorf("%s: account %d: password_file: %w", path, i+1, err)
			}
			a.Password = p
		case a.PasswordEnv != "":
			if a.Password = getenv(a.PasswordEnv); a.Password == "" {
				return fmt.Errorf("%s: account %d: password_env: the variable %s is empty or not set", path, i+1, a.PasswordEnv)
			}
		}
	}
	return nil
}

// ReadPassword returns the first line of a file that nobody else may read.
func ReadPassword(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if err := private(path); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return "", fmt.Errorf("%s: the first line is empty; it must be the password", path)
	}
	return line, nil
}
