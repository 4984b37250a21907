package sip

import (
	"context"
	"math/rand/v2"
	"time"
)

// A connection that a call's requests ran over has ended. The peer may know no other way
// to us than that one (a NAT, no listener of ours), so it is told the new one by a
// target refresh (RFC 3261 §12.2.1.2, RFC 5626 §4.3), which goes over it:
//
//	connection ends -> REGISTER over a new one, where the account has a registration
//	                -> UPDATE without SDP, or RefreshDue -> re-INVITE by the owner
const (
	reRegisterWait = 5 * time.Second // for the registration to be first
	reconnectPause = 8 * time.Second // between tries to connect, at the longest
)

// streamGone has an established dialog tell its peer where we are now. again, when not
// nil, is closed when the account is registered anew.
func (d *Dialog) streamGone(h hop, again <-chan struct{}) {
	d.mu.Lock()
	known := d.told // the peer knows the connection that our Contact came over
	if known.transport == Any {
		known = d.peer
	}
	mine := d.state == confirmed && known.transport == h.transport && known.addr == h.addr && !d.reconnecting
	d.reconnecting = d.reconnecting || mine
	d.mu.Unlock()
	if mine {
		d.ua.start(func() { d.reconnect(again) })
	}
}

func (d *Dialog) reconnect(again <-chan struct{}) {
	defer func() {
		d.mu.Lock()
		d.reconnecting = false
		d.mu.Unlock()
	}()
	if again != nil && !d.waits(again, reRegisterWait) {
		return
	}
	pause := t1
	for !d.connect() { // as long as there is the call
		if !d.waits(nil, pause/2+rand.N(pause/2)) {
			return
		}
		pause = min(2*pause, reconnectPause)
	}
	d.logger().Info("sip: the connection of a call was lost, telling the other side the new one")
	d.mu.Lock()
	d.reconnecting = false // it may be lost again
	d.mu.Unlock()
	d.refreshSession()
}

// waits until done is closed or d is over; false when the dialog has ended meanwhile.
func (d *Dialog) waits(done <-chan struct{}, limit time.Duration) bool {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	case <-d.over:
		return false
	case <-d.ua.closing:
		return false
	}
	return true
}

// connect opens the way to the peer and takes the Contact that we have on it.
func (d *Dialog) connect() bool {
	d.mu.Lock()
	next := d.target
	if len(d.routes) > 0 {
		next = d.routes[0]
	}
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	rt, err := d.open(ctx, next, nil)
	if err != nil {
		d.logger().Info("sip: the other side of a call cannot be reached", "err", err)
		return false
	}
	d.renewContact(rt)
	return true
}

// renewContact gives the dialog the Contact that we have on a route.
func (d *Dialog) renewContact(rt *route) {
	contact := d.ua.dialogContact(d.account, rt)
	d.mu.Lock()
	defer d.mu.Unlock()
	contact.User = d.contact.User
	if isSIPS(&d.contact) {
		contact = secured(contact)
	}
	d.contact = contact
}
