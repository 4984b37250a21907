package sip

import "net/netip"

// publicFor is our public address where a peer at remote needs it: beyond the NAT, not
// on our side of it.
func (ua *UserAgent) publicFor(remote netip.Addr) netip.Addr {
	public := ua.cfg.Public.Unmap()
	remote = remote.Unmap()
	if !public.IsValid() || public.Is4() != remote.Is4() || !remote.IsGlobalUnicast() || remote.IsPrivate() {
		return netip.Addr{}
	}
	return public
}

// path is what a session description has to know of the dialog's way.
func (d *Dialog) path(t Transport) Path {
	return Path{Local: d.Local(), Public: d.ua.publicFor(d.peer.addr.Addr()), Transport: t}
}
