package memnet

import "net/netip"

// Move gives the host another address in place of one it has, as when a machine
// changes its network. Sockets bound to all addresses go on with the new one; those
// bound to the old one, and streams from it, have no way out and in any more. It
// reports false when the host has not the old address or somebody has the new one.
func (h *Host) Move(from, to netip.Addr) bool {
	from, to = from.Unmap(), to.Unmap()
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if h.net.hosts[from] != h || h.net.hosts[to] != nil {
		return false
	}
	delete(h.net.hosts, from)
	h.net.hosts[to] = h
	h.net.cut[from] = true
	delete(h.net.cut, to)
	for i, a := range h.addrs {
		if a == from {
			h.addrs[i] = to
		}
	}
	return true
}
