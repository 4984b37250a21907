package sip

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// A change of our address, as a laptop has when it goes from a cable to a radio
// network:
//
//	look (every Config.AddressCheck)
//	  registrations                      REGISTER with the new Contact, the old one taken back
//	  dialogs                            new Contact, AddressChanged -> re-INVITE by their owner
//	  connections from the old address   nothing new goes over them; closed
//
// While there is no address at all, nothing is done.

// watchAddresses looks at our addresses until the user agent closes.
func (ua *UserAgent) watchAddresses() {
	t := time.NewTicker(ua.cfg.AddressCheck)
	defer t.Stop()
	for {
		select {
		case <-ua.closing:
			return
		case <-t.C:
			ua.checkAddresses()
		}
	}
}

func (ua *UserAgent) checkAddresses() {
	known := make(map[netip.Addr]netip.Addr) // from where we reach an address
	from := func(h hop) netip.Addr {
		remote := h.addr.Addr()
		if bound := ua.boundFor(h); bound.IsValid() && !bound.IsUnspecified() {
			return bound
		}
		if _, ok := known[remote]; !ok {
			local, err := ua.cfg.Network.LocalFor(remote)
			if err != nil {
				local = netip.Addr{}
			}
			known[remote] = local.Unmap().WithZone("")
		}
		return known[remote]
	}
	var left []*streamConn // not used any more, and closed when all know of it
	for _, s := range ua.streams.made() {
		if now := from(s.hop); now.IsValid() && now != s.local.Addr().WithZone("") {
			s.moving.Store(true)
			left = append(left, s)
		}
	}
	ua.forgetMappings()
	regs, dialogs, subs := ua.living()
	for _, r := range regs {
		r.checkAddress(from)
	}
	for _, d := range dialogs {
		d.checkAddress(from)
	}
	for _, s := range subs {
		s.checkAddress(from)
	}
	for _, s := range left {
		_ = s.Close()
	}
}

// living lists registrations, dialogs and subscriptions.
func (ua *UserAgent) living() ([]*Registration, []*Dialog, []*Subscription) {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	return slices.Collect(maps.Keys(ua.regs)), slices.Collect(maps.Values(ua.dialogs)), slices.Collect(maps.Keys(ua.subscribed))
}

// boundFor is the address of the listener that a hop is used with.
func (ua *UserAgent) boundFor(h hop) netip.Addr {
	if h.transport == UDP {
		if p := ua.packetFor(h.addr.Addr()); p != nil {
			return p.local.Addr()
		}
	} else if l := ua.listenerFor(h.transport, h.addr.Addr()); l != nil {
		return l.local.Addr()
	}
	return netip.Addr{}
}

// made lists the connections that we made.
func (t *streamSet) made() []*streamConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*streamConn
	for s := range t.all {
		if s.dialled {
			out = append(out, s)
		}
	}
	return out
}

// checkAddress registers anew, without any pause, when our address has changed.
func (r *Registration) checkAddress(from func(hop) netip.Addr) {
	flow := r.way()
	if !flow.addr.IsValid() {
		return
	}
	now := from(flow)
	r.mu.Lock()
	moved := r.flow == flow && r.state.Phase < Rejected && r.local.IsValid() && now.IsValid() && now != r.local
	if moved {
		r.ua.log.Info("sip: our address has changed, registering anew", "account", r.account.id(), "was", r.local, "is", now)
		r.local, r.public, r.moved = now, netip.AddrPort{}, true
		if r.abort != nil {
			r.abort() // what is under way comes from the old address
		}
	}
	r.mu.Unlock()
	if moved {
		r.poke()
	}
}

// checkAddress moves an established dialog to our new address. It tells the owner once.
func (d *Dialog) checkAddress(from func(hop) netip.Addr) {
	now := from(d.peer)
	d.mu.Lock()
	moved := d.state == confirmed && now.IsValid() && d.local.IsValid() && now != d.local.WithZone("")
	if moved {
		d.local = now
	}
	d.mu.Unlock()
	if moved {
		d.readdress(now)
	}
}

// readdress gives the dialog the Contact that we have now, and tells its owner that we
// are elsewhere: at local, or beyond another NAT.
func (d *Dialog) readdress(local netip.Addr) {
	d.mu.Lock()
	d.moves++
	mine := d.moves
	d.mu.Unlock()
	d.ua.start(func() {
		rt := d.reopen(mine)
		if rt == nil {
			return
		}
		d.renewContact(rt)
		_, server := d.ua.mappedFor(d.peer.addr.Addr())
		d.events.post(AddressChanged{Local: local, STUN: server})
	})
}

// reopenPause is how long a network that comes up has until the next try.
const reopenPause = 2 * time.Second

// reopen opens the way to the peer from our new address, as often as it takes. It
// returns nil when the dialog is over or our address has changed again.
func (d *Dialog) reopen(mine int) *route {
	for told := false; ; told = true {
		d.mu.Lock()
		next, current := d.target, d.moves == mine
		if len(d.routes) > 0 {
			next = d.routes[0]
		}
		d.mu.Unlock()
		if !current {
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
		rt, err := d.open(ctx, next, nil)
		cancel()
		if err == nil {
			return rt
		}
		if !told {
			d.logger().Info("sip: a call cannot be moved to our new address yet", "err", err)
		}
		t := time.NewTimer(reopenPause)
		select {
		case <-t.C:
		case <-d.over:
			t.Stop()
			return nil
		case <-d.ua.closing:
			t.Stop()
			return nil
		}
	}
}
