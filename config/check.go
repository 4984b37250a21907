package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Check validates f and returns all that is wrong, one error a line.
func (f File) Check() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	for i, l := range f.SIP.Listen {
		if _, _, err := ParseListen(l); err != nil {
			bad(fmt.Sprintf("sip.listen[%d]", i), "%v", err)
		}
	}
	if f.SIP.Public != "" {
		if a, err := netip.ParseAddr(f.SIP.Public); err != nil || !a.IsGlobalUnicast() || a.Zone() != "" {
			bad("sip.public_address", "%q is no address that others can reach, such as 203.0.113.5", f.SIP.Public)
		}
	}
	f.SIP.checkSTUN(bad)
	if !slices.Contains([]string{"", "auto", "off"}, f.SIP.Outbound) {
		bad("sip.outbound", "is %q; there are \"auto\" and \"off\"", f.SIP.Outbound)
	}
	f.SIP.TLS.check("sip", bad)
	if f.SIP.MaxCalls < 0 {
		bad("sip.max_calls", "is %d; it cannot be negative", f.SIP.MaxCalls)
	}
	f.SIP.checkSession(bad)
	if _, err := ParseNetworks(f.SIP.Allow); err != nil {
		bad("sip.allow", "%v", err)
	}
	if f.SIP.MaxRate < 0 {
		bad("sip.max_rate", "is %d; it cannot be negative", f.SIP.MaxRate)
	}
	if _, _, err := ParsePorts(f.Media.RTPPorts); err != nil {
		bad("media.rtp_ports", "%v", err)
	}
	if p := time.Duration(f.Media.PTime); p < 10*time.Millisecond || p > 60*time.Millisecond || p%(10*time.Millisecond) != 0 {
		bad("media.ptime", "is %v; 10ms, 20ms, 30ms, 40ms, 50ms and 60ms can be sent", p)
	}
	if len(f.Media.Codecs) == 0 {
		bad("media.codecs", "is empty; give \"pcmu\", \"pcma\" or both")
	}
	for i, c := range f.Media.Codecs {
		if c != "pcmu" && c != "pcma" {
			bad(fmt.Sprintf("media.codecs[%d]", i), "is %q; there are \"pcmu\" and \"pcma\"", c)
		}
	}
	f.Media.Security.check("media", bad)
	if time.Duration(f.Media.Timeout) < 0 {
		bad("media.timeout", "is negative; \"0s\" is never")
	}
	if f.Media.DSCP < 0 || f.Media.DSCP > 63 {
		bad("media.dscp", "is %d; 0 to 63 can be set, such as 46 (expedited forwarding) or 0 (no mark)", f.Media.DSCP)
	}
	if !slices.Contains([]string{"negotiated", "always", "off"}, f.Media.RTCPXR) {
		bad("media.rtcp_xr", "is %q; there are \"negotiated\", \"always\" and \"off\"", f.Media.RTCPXR)
	}
	if !slices.Contains([]string{"", "auto", "rfc4733", "inband", "info"}, f.Media.Digits) {
		bad("media.dtmf", "is %q; there are \"auto\", \"rfc4733\", \"inband\" and \"info\"", f.Media.Digits)
	}
	if !slices.Contains([]string{"603", "486", "silent"}, f.Block.Reject) {
		bad("block.reject", "is %q; there are \"603\", \"486\" and \"silent\"", f.Block.Reject)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, f.Log.Level) {
		bad("log.level", "is %q; there are debug, info, warn and error", f.Log.Level)
	}
	if time.Duration(f.Phone.RingTimeout) < 0 {
		bad("phone.ring_timeout", "is negative")
	}
	f.checkAccounts(bad)
	return errors.Join(errs...)
}

// checkSTUN looks at the server and at what it is asked for.
func (s SIP) checkSTUN(bad func(key, format string, args ...any)) {
	if s.STUN == "" {
		return
	}
	if err := CheckServer(s.STUN); err != nil {
		bad("sip.stun_server", "%v", err)
	}
	if s.Public != "" {
		bad("sip.stun_server", "is there beside public_address; give one of the two")
	}
	udp := len(s.Listen) == 0
	for _, l := range s.Listen {
		network, _, err := ParseListen(l)
		udp = udp || err == nil && (network == "" || network == "udp")
	}
	if !udp {
		bad("sip.stun_server", "is asked over UDP, and sip.listen has no udp address; add udp:0.0.0.0:0")
	}
}

// checkSession holds session timers against RFC 4028, and reads when ringing is
// sent reliably.
func (s SIP) checkSession(bad func(key, format string, args ...any)) {
	least := time.Duration(s.SessionMin)
	if least < 90*time.Second {
		bad("sip.session_min", "is %v; 90s is the least (RFC 4028)", least)
	}
	if !slices.Contains([]string{"auto", "always", "off"}, s.PRACK) {
		bad("sip.prack", "is %q; there are \"auto\", \"always\" and \"off\"", s.PRACK)
	}
	if d := time.Duration(s.SessionExpires); d != 0 && d < max(least, 90*time.Second) {
		bad("sip.session_expires", "is %v; give session_min (%v) or more, or \"0s\" for no session timer", d, least)
	}
}

func (f File) checkAccounts(bad func(key, format string, args ...any)) {
	ids := make(map[string]int)
	for i, a := range f.Accounts {
		key := fmt.Sprintf("account[%d]", i+1)
		if a.Server == "" {
			bad(key+".server", "is missing; give the PBX as host or host:port")
		} else if err := CheckServer(a.Server); err != nil {
			bad(key+".server", "%v", err)
		}
		if a.User == "" {
			bad(key+".user", "is missing")
		} else if strings.ContainsAny(a.User, " \t\r\n<>\"") {
			bad(key+".user", "%q is not a user name: it holds a space, a quote or an angle bracket", a.User)
		}
		checkTransport(key+".transport", a.Transport, bad)
		if a.WSPath != "" && !strings.HasPrefix(a.WSPath, "/") {
			bad(key+".ws_path", "is %q; a path begins with /, such as /ws", a.WSPath)
		}
		if a.Proxy != "" {
			if err := checkProxy(a.Proxy); err != nil {
				bad(key+".proxy", "%v", err)
			}
		}
		a.TLS.check(key, bad)
		if !slices.Contains([]Mode{"", ModePhone, ModeAutomation}, a.Mode) {
			bad(key+".mode", "is %q; there are \"phone\" and \"automation\"", a.Mode)
		}
		if time.Duration(a.Expires) < 0 {
			bad(key+".expires", "is negative")
		}
		a.Security.check(key, bad)
		id := a.Name()
		if first, ok := ids[id]; ok {
			bad(key+".id", "%q is the id of account[%d] too", id, first)
		}
		ids[id] = i + 1
	}
}

// check finds what is wrong with s, which stands in the table of that name.
func (s Security) check(table string, bad func(key, format string, args ...any)) {
	if !slices.Contains([]string{"", "off", "offered", "required"}, s.SRTP) {
		bad(table+".srtp", "is %q; there are \"off\", \"offered\" and \"required\"", s.SRTP)
	}
	for i, suite := range s.Suites {
		key := fmt.Sprintf("%s.srtp_suites[%d]", table, i)
		switch {
		case !slices.Contains(SRTPSuites(), suite):
			bad(key, "is %q; there are %s", suite, strings.Join(SRTPSuites(), ", "))
		case slices.Index(s.Suites, suite) != i:
			bad(key, "%s is there twice", suite)
		}
	}
}

// Name returns the account's id: ID, else user@domain.
func (a Account) Name() string {
	if a.ID != "" {
		return a.ID
	}
	domain := a.Domain
	if domain == "" {
		domain = a.Server
	}
	return a.User + "@" + domain
}

// CheckServer checks "host" or "host:port"; an IPv6 address with a port stands
// in brackets.
func CheckServer(server string) error {
	bare := server
	if strings.HasPrefix(server, "[") && strings.HasSuffix(server, "]") {
		bare = server[1 : len(server)-1]
	}
	if _, err := netip.ParseAddr(bare); err == nil {
		return nil
	}
	host, port, ok := strings.Cut(server, ":")
	if strings.HasPrefix(server, "[") {
		end := strings.Index(server, "]")
		if end < 0 {
			return fmt.Errorf("%q has a bracket that is not closed; write [2001:db8::1]:5060", server)
		}
		if _, err := netip.ParseAddr(server[1:end]); err != nil {
			return fmt.Errorf("%q: there is no IPv6 address between the brackets", server)
		}
		host, port, ok = server[:end+1], strings.TrimPrefix(server[end+1:], ":"), true
	}
	if host == "" || strings.ContainsAny(host, " /@?;<>\"") {
		return fmt.Errorf("%q is not a host; give host or host:port, such as pbx.example.com or 192.0.2.1:5060", server)
	}
	if ok {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("%q: the port must be a number from 1 to 65535", server)
		}
	}
	return nil
}

// ParseListen reads "udp:ADDR:PORT", "tcp:ADDR:PORT" or "tls:ADDR:PORT"; without a
// transport the address serves udp and tcp, and network is then empty.
func ParseListen(s string) (network string, addr netip.AddrPort, err error) {
	rest := s
	for _, n := range []string{"udp", "tcp", "tls"} {
		if r, ok := strings.CutPrefix(s, n+":"); ok {
			network, rest = n, r
		}
	}
	addr, err = netip.ParseAddrPort(rest)
	if err != nil {
		return "", netip.AddrPort{}, fmt.Errorf("%q is not an address to listen on; write udp:0.0.0.0:5060, tcp:[::]:5060 or 127.0.0.1:0", s)
	}
	return network, addr, nil
}

// ParseNetworks reads networks: "192.0.2.0/24", a single address, or "any" for
// all there are. The result is never nil.
func ParseNetworks(list []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		s = strings.TrimSpace(s)
		if strings.EqualFold(s, "any") {
			out = append(out, netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"))
			continue
		}
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			out = append(out, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not a network; write 192.0.2.0/24, 2001:db8::/32, a single address, or any", s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// ParsePorts reads "MIN-MAX" of at least two ports.
func ParsePorts(s string) (low, high uint16, err error) {
	a, b, ok := strings.Cut(s, "-")
	l, err1 := strconv.ParseUint(strings.TrimSpace(a), 10, 16)
	h, err2 := strconv.ParseUint(strings.TrimSpace(b), 10, 16)
	if !ok || err1 != nil || err2 != nil || l < 1024 || h <= l {
		return 0, 0, fmt.Errorf("%q is not a range of ports; write MIN-MAX from 1024 to 65535, such as 16384-32767", s)
	}
	return uint16(l), uint16(h), nil
}
