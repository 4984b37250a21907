package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/softphone-go/softphone/sip"
)

// names asks DNS for the server as a call would: NAPTR, SRV, then addresses (RFC
// 3263 §4). A server given with its port is asked for its addresses only.
func (x *examination) names(ctx context.Context) Check {
	if !x.server.name {
		x.onlyV6 = strings.Contains(x.server.host, ":")
		return ok("%s is an address: DNS is not needed", x.server.host)
	}
	ctx, cancel := context.WithTimeout(ctx, x.cfg.Patience)
	defer cancel()
	var found []string
	if x.server.port == 0 {
		found = x.services(ctx)
	}
	if len(found) > 0 {
		return ok("%s has SRV records: %s", x.server.host, strings.Join(found, "; "))
	}
	addrs, err := x.cfg.Network.LookupAddr(ctx, x.server.host)
	x.onlyV6 = len(addrs) > 0 && !slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.Unmap().Is4() })
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound || err == nil && len(addrs) == 0:
		return failed("look at the spelling of the server's name, and whether this network's DNS knows it", "DNS does not know %s", x.server.host)
	case err != nil:
		return failed("look at this machine's network and its DNS servers; until then, give the server's address in place of its name",
			"DNS does not answer for %s (%v)", x.server.host, err)
	}
	return ok("%s is %s", x.server.host, list(addrs))
}

// services describes the SRV records of the server that lead to an address.
func (x *examination) services(ctx context.Context) []string {
	var found []string
	for _, service := range x.serviceNames(ctx) {
		records, err := x.cfg.Network.LookupSRV(ctx, service)
		if err != nil {
			continue
		}
		for _, r := range records {
			target := strings.TrimSuffix(r.Target, ".")
			if addrs, err := x.cfg.Network.LookupAddr(ctx, target); err == nil && len(addrs) > 0 {
				found = append(found, fmt.Sprintf("%s to %s:%d (%s), priority %d, weight %d",
					strings.TrimSuffix(service, "."+x.server.host), target, r.Port, list(addrs), r.Priority, r.Weight))
			}
		}
	}
	return found
}

// serviceNames are where SRV records may be: what NAPTR says, else the three that
// RFC 3263 §4.1 has for a domain without.
func (x *examination) serviceNames(ctx context.Context) []string {
	var names []string
	records, err := x.cfg.Network.LookupNAPTR(ctx, x.server.host)
	if err == nil {
		slices.SortStableFunc(records, func(a, b sip.NAPTR) int { return cmp.Compare(a.Order, b.Order) })
		for _, r := range records {
			if strings.EqualFold(r.Flags, "s") && strings.HasPrefix(strings.ToUpper(r.Service), "SIP") {
				names = append(names, strings.TrimSuffix(r.Replacement, "."))
			}
		}
	}
	if len(names) > 0 {
		return names
	}
	return []string{"_sips._tcp." + x.server.host, "_sip._udp." + x.server.host, "_sip._tcp." + x.server.host}
}

func list(addrs []netip.Addr) string {
	var texts []string
	for _, a := range addrs {
		texts = append(texts, a.Unmap().String())
	}
	return strings.Join(texts, ", ")
}

func localAddresses() ([]netip.Addr, error) {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, i := range interfaces {
		if p, err := netip.ParsePrefix(i.String()); err == nil {
			addrs = append(addrs, p.Addr().Unmap())
		}
	}
	return addrs, nil
}
