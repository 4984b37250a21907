package memnet

import (
	"net/netip"
	"slices"
)

// NAT translates the packets of hosts behind it (RFC 4787). Every port inside has one
// port outside, whomever it sends to, unless the NAT is symmetric; from outside comes in
// only what answers: what is from an address and port that the inside port has sent to.
// Hosts behind one NAT reach each other as they are, and from outside nobody reaches
// them by their own address. Streams are not translated.
type NAT struct {
	net       *Network
	public    netip.Addr
	symmetric bool

	// guarded by net.mu
	next    uint16
	inside  map[netip.Addr]bool
	outward map[natKey]uint16
	inward  map[uint16]*natMapping
}

// natKey is a port inside; to is zero unless each destination has a port of its own.
type natKey struct{ from, to netip.AddrPort }

type natMapping struct {
	inside netip.AddrPort
	asked  map[netip.AddrPort]bool // whom it has sent to
}

// NAT puts one between the given addresses of hosts and all others. Outside they are
// seen at public.
func (n *Network) NAT(public netip.Addr, symmetric bool, inside ...netip.Addr) *NAT {
	t := &NAT{net: n, public: public.Unmap(), symmetric: symmetric, next: 40000, inside: make(map[netip.Addr]bool)}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range inside {
		t.inside[a.Unmap()] = true
	}
	t.forgetLocked()
	n.nats = append(n.nats, t)
	return t
}

// Forget drops all mappings, as a NAT does that starts anew. Later ones get other ports.
func (t *NAT) Forget() {
	t.net.mu.Lock()
	defer t.net.mu.Unlock()
	t.forgetLocked()
}

// Remove takes the NAT away: everybody is seen at the own address.
func (t *NAT) Remove() {
	t.net.mu.Lock()
	defer t.net.mu.Unlock()
	t.net.nats = slices.DeleteFunc(t.net.nats, func(o *NAT) bool { return o == t })
}

func (t *NAT) forgetLocked() {
	t.outward, t.inward = make(map[natKey]uint16), make(map[uint16]*natMapping)
}

// translate puts the addresses of a packet into the form it arrives with; false when
// it does not get through. The caller holds n.mu.
func (n *Network) translate(from, to netip.AddrPort) (netip.AddrPort, netip.AddrPort, bool) {
	for _, t := range n.nats {
		out, in := t.inside[from.Addr()], t.inside[to.Addr()]
		if out && !in && !to.Addr().IsLoopback() {
			from = t.out(from, to)
		}
		if in && !out {
			return from, to, false
		}
		if to.Addr() != t.public {
			continue
		}
		m := t.inward[to.Port()]
		if m == nil || !m.asked[from] {
			return from, to, false
		}
		to = m.inside
	}
	return from, to, true
}

// out is the address outside of a port that sends to somebody there.
func (t *NAT) out(from, to netip.AddrPort) netip.AddrPort {
	key := natKey{from: from}
	if t.symmetric {
		key.to = to
	}
	port, ok := t.outward[key]
	if !ok {
		t.next++
		port = t.next
		t.outward[key], t.inward[port] = port, &natMapping{inside: from, asked: make(map[netip.AddrPort]bool)}
	}
	t.inward[port].asked[to] = true
	return netip.AddrPortFrom(t.public, port)
}
