package sip

import "net/netip"

// publicFor is our public address where a peer at remote needs it: beyond the NAT, not
// on our side of it.
func (ua *UserAgent) publicFor(remote netip.Addr) netip.Addr {
	public := ua.cfg.Public.Unmap()
	remote = remote.Unmap()
	if !public.IsValid() || public.Is4() != remote.Is4() || !beyond(remote) {
		return netip.Addr{}
	}
	return public
}

// beyond says whether an address is one that only the outside of a NAT can have.
func beyond(remote netip.Addr) bool {
	remote = remote.Unmap()
	return remote.IsGlobalUnicast() && !remote.IsPrivate()
}

// pathTo is what a session description has to know of the way to or from remote.
func (ua *UserAgent) pathTo(remote, local netip.Addr, t Transport) Path {
	p := Path{Local: local, Public: ua.publicFor(remote), Transport: t}
	_, p.STUN = ua.mappedFor(remote)
	return p
}

// path is what a session description has to know of the dialog's way.
func (d *Dialog) path(t Transport) Path {
	return d.ua.pathTo(d.peer.addr.Addr(), d.Local(), t)
}
