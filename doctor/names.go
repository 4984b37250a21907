package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/softphone-go/softphone/sip"
)

// names asks DNS for the server as a call would: SRV, then addresses (RFC 3263
// §4). A server given with its port is asked for its addresses only.
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
	for _, service := range []string{"_sips._tcp.", "_sip._udp.", "_sip._tcp."} {
		records, err := x.cfg.Network.LookupSRV(ctx, service+x.server.host)
		if err != nil {
			continue
		}
		for _, r := range records {
			target := strings.TrimSuffix(r.Target, ".")
			if addrs, err := x.cfg.Network.LookupAddr(ctx, target); err == nil && len(addrs) > 0 {
				found = append(found, fmt.Sprintf("%s %s:%d (%s), priority %d, weight %d",
					strings.TrimSuffix(service, "."), target, r.Port, list(addrs), r.Priority, r.Weight))
			}
		}
	}
	return found
}

func list(addrs []netip.Addr) string {
	var texts []string
	for _, a := range addrs {
		texts = append(texts, a.Unmap().String())
	}
	return strings.Join(texts, ", ")
}

// withSystem fills in the operating system where a check itself asks.
func withSystem(n sip.Network) sip.Network {
	if n.LookupAddr == nil {
		n.LookupAddr = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if n.LookupSRV == nil {
		n.LookupSRV = func(ctx context.Context, name string) ([]*net.SRV, error) {
			_, records, err := net.DefaultResolver.LookupSRV(ctx, "", "", name)
			return records, err
		}
	}
	return n
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
