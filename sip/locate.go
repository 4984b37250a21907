package sip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

const (
	maxHops      = 16
	lookupTime   = 10 * time.Second // for all questions about one name
	servicesTime = 5 * time.Second  // for those about NAPTR and SRV, which some servers never answer
	naptrTime    = 2 * time.Second  // for the first of them, which few servers answer
	maxLocated   = 256              // names whose last answer is kept
	maxRecords   = 32               // of one kind, in one answer
	failureLasts = 5 * time.Minute  // how long a hop that failed is asked last
)

// locate resolves a host as RFC 3263 §4 says: an address is taken as it is, a name
// with a port gives its addresses, and a name without one its NAPTR records (where no
// transport is wanted), its SRV records by priority and weight, and only then its
// addresses. want Any means UDP where we listen on it, else TCP. When the DNS does not
// answer at all, what it said last holds. Hops that failed lately come last.
func (ua *UserAgent) locate(ctx context.Context, want Transport, host string, port int, l link) ([]hop, error) {
	hops, err := ua.resolve(ctx, want, host, port)
	key := located{want, strings.ToLower(host), port}
	if err != nil {
		if hops = ua.hops.last(key); hops == nil || ctx.Err() != nil || !noAnswer(err) {
			return nil, err
		}
		ua.log.Info("sip: the DNS does not answer, going by what it said last", "host", host, "err", err)
	} else {
		ua.hops.keep(key, hops)
	}
	hops = slices.Clone(hops)
	for i := range hops {
		hops[i].link = l.over(hops[i].transport)
	}
	return ua.hops.livelyFirst(hops), nil
}

// noAnswer tells a DNS that is silent or broken from one that knows better now.
func noAnswer(err error) bool {
	var d *net.DNSError
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &d) && !d.IsNotFound
}

func (ua *UserAgent) resolve(ctx context.Context, want Transport, host string, port int) ([]hop, error) {
	if host == "" {
		return nil, fmt.Errorf("no host to send to: %w", ErrUnreachable)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return ua.usable([]hop{{transport: want, addr: netip.AddrPortFrom(addr.Unmap(), want.portOr(port))}}, host)
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	host = strings.TrimSuffix(host, ".")
	if port == 0 && strings.Contains(host, ".") {
		hops, err := ua.locateServices(ctx, want, host)
		if len(hops) > 0 {
			return ua.usable(hops, host)
		}
		if last := ua.hops.last(located{want, strings.ToLower(host), port}); err != nil && last != nil {
			return last, nil
		}
	}
	addrs, err := ua.cfg.Network.LookupAddr(ctx, host)
	if err != nil {
		return nil, unreachable("looking up "+host, err)
	}
	var hops []hop
	for _, a := range addrs {
		hops = append(hops, hop{transport: want, addr: netip.AddrPortFrom(a.Unmap(), want.portOr(port))})
	}
	return ua.usable(hops, host)
}

// portOr is port, or where t is served when there is none.
func (t Transport) portOr(port int) uint16 {
	if port <= 0 || port > 65535 {
		return t.port()
	}
	return uint16(port)
}

// service is a name with SRV records, and what they lead to.
type service struct {
	transport Transport
	name      string
}

// locateServices finds hops by NAPTR and SRV. The error is for records that were not
// told: there may be some.
func (ua *UserAgent) locateServices(ctx context.Context, want Transport, host string) (hops []hop, err error) {
	ctx, cancel := context.WithTimeout(ctx, servicesTime)
	defer cancel()
	if want == Any {
		for _, s := range ua.naptrServices(ctx, host) {
			more, _ := ua.locateSRV(ctx, s)
			hops = append(hops, more...)
		}
		if len(hops) > 0 {
			return hops, nil
		}
	}
	var silence error
	for _, t := range []Transport{UDP, TCP, TLS, WS, WSS} {
		if want != t && (want != Any || t > TCP) || want == Any && !ua.canSend(t) {
			continue
		}
		if hops, err = ua.locateSRV(ctx, service{t, t.service() + "." + host}); len(hops) > 0 {
			return hops, nil
		}
		silence = cmp.Or(silence, err)
	}
	return nil, silence
}

func (ua *UserAgent) canSend(t Transport) bool { return t != UDP || len(ua.packets) > 0 }

// naptrServices reads the NAPTR records of a domain, best first (RFC 3263 §4.1):
//
//	order preference "s" "SIP+D2U" "" _sip._udp.example.com.
func (ua *UserAgent) naptrServices(ctx context.Context, host string) []service {
	ctx, cancel := context.WithTimeout(ctx, naptrTime)
	defer cancel()
	records, err := ua.cfg.Network.LookupNAPTR(ctx, host)
	if err != nil {
		return nil
	}
	records = slices.Clone(records[:min(len(records), maxRecords)])
	slices.SortStableFunc(records, func(a, b NAPTR) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	var out []service
	for _, r := range records {
		t, ok := naptrTransport(r.Service)
		name := strings.TrimSuffix(r.Replacement, ".")
		if ok && strings.EqualFold(r.Flags, "s") && name != "" && ua.canSend(t) {
			out = append(out, service{t, name})
		}
	}
	return out
}

// naptrTransport is what a service field stands for (RFC 3263 §4.1, RFC 7118 §7).
func naptrTransport(service string) (Transport, bool) {
	switch strings.ToUpper(service) {
	case "SIP+D2U":
		return UDP, true
	case "SIP+D2T":
		return TCP, true
	case "SIPS+D2T":
		return TLS, true
	case "SIP+D2W":
		return WS, true
	case "SIPS+D2W":
		return WSS, true
	}
	return Any, false
}

// service is the beginning of a name with SRV records (RFC 3263 §4.1).
func (t Transport) service() string {
	switch t {
	case TLS:
		return "_sips._tcp"
	case WSS:
		return "_sips._ws"
	case Any, UDP, TCP, WS:
	}
	return "_sip._" + t.String()
}

// locateSRV gives the addresses of a service, in the order of RFC 2782. It is an error
// when nobody says whether there are any.
func (ua *UserAgent) locateSRV(ctx context.Context, s service) ([]hop, error) {
	records, err := ua.cfg.Network.LookupSRV(ctx, s.name)
	if err != nil {
		if noAnswer(err) {
			return nil, err
		}
		return nil, nil
	}
	var hops []hop
	for _, r := range orderSRV(records[:min(len(records), maxRecords)], rand.IntN) {
		if r.Target == "." || len(hops) >= maxHops {
			break
		}
		addrs, err := ua.cfg.Network.LookupAddr(ctx, strings.TrimSuffix(r.Target, "."))
		if err != nil {
			continue
		}
		for _, a := range addrs {
			hops = append(hops, hop{transport: s.transport, addr: netip.AddrPortFrom(a.Unmap(), s.transport.portOr(int(r.Port)))})
		}
	}
	return hops, nil
}

// orderSRV sorts records by priority and draws those of one priority by their weights
// (RFC 2782). draw gives a number below its argument.
func orderSRV(records []*net.SRV, draw func(int) int) []*net.SRV {
	in := slices.Clone(records)
	// Records of weight 0 stand first within their priority, to be drawn seldom.
	slices.SortStableFunc(in, func(a, b *net.SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(min(a.Weight, 1), min(b.Weight, 1)))
	})
	var out []*net.SRV
	for len(in) > 0 {
		same, sum := 0, 0
		for same < len(in) && in[same].Priority == in[0].Priority {
			sum += int(in[same].Weight)
			same++
		}
		chosen, left := 0, draw(sum+1)
		for chosen < same-1 && left > int(in[chosen].Weight) {
			left -= int(in[chosen].Weight)
			chosen++
		}
		out = append(out, in[chosen])
		in = slices.Delete(in, chosen, chosen+1)
	}
	return out
}
