package sip

import (
	"context"
	"fmt"

	"github.com/miekg/dns"
)

// NAPTR is a record of RFC 3403, as far as SIP uses it (RFC 3263 §4.1).
type NAPTR struct {
	Order, Preference uint16
	Flags             string // "s": Replacement has SRV records
	Service           string // "SIP+D2U" and others
	Replacement       string
}

// resolvConf names the servers to ask. Where there is no such file, there is no NAPTR.
const resolvConf = "/etc/resolv.conf"

// lookupNAPTR asks the system's name servers, which the standard library does for
// other kinds of records only.
func lookupNAPTR(ctx context.Context, name string) ([]NAPTR, error) {
	conf, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("%s names no server", resolvConf)
	for _, server := range conf.Servers {
		var out []NAPTR
		if out, err = askNAPTR(ctx, joinHostPort(server, 53), name); err == nil || ctx.Err() != nil {
			return out, err
		}
	}
	return nil, err
}

// askNAPTR asks one server, over TCP when the answer is too long for UDP.
func askNAPTR(ctx context.Context, server, name string) ([]NAPTR, error) {
	question := new(dns.Msg)
	question.SetQuestion(dns.Fqdn(name), dns.TypeNAPTR)
	question.SetEdns0(1232, false)
	answer, _, err := new(dns.Client).ExchangeContext(ctx, question, server)
	if err == nil && answer.Truncated {
		answer, _, err = (&dns.Client{Net: "tcp"}).ExchangeContext(ctx, question, server)
	}
	if err != nil {
		return nil, fmt.Errorf("NAPTR records of %s: %w", name, err)
	}
	var out []NAPTR
	for _, r := range answer.Answer {
		if n, ok := r.(*dns.NAPTR); ok && len(out) < maxRecords {
			out = append(out, NAPTR{Order: n.Order, Preference: n.Preference, Flags: n.Flags, Service: n.Service, Replacement: n.Replacement})
		}
	}
	return out, nil
}
