package sip

import (
	"context"
	"errors"
	"slices"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// A request within a dialog goes to the first router, or to the peer's Contact.
// Where that is a name, it may have several targets, and the next one is tried
// when one is silent, cannot be reached or answers 503 (RFC 3263 §4.3):
//
//	BYE -> one   silent for 32 s, refused, or 503
//	BYE -> two   a new transaction, and a new CSeq number

// nextHops are where a URI of the route, or the remote target, leads: the hop
// the dialog was made with first, those that failed lately last. What came over a
// WebSocket goes back over it: the other end cannot be reached otherwise (RFC 7118 §5).
func (d *Dialog) nextHops(ctx context.Context, next sipmsg.Uri) ([]hop, error) {
	want := transportParam(&next)
	if want == Any {
		want = d.account.Transport
	}
	if want == Any {
		want = d.peer.transport
	}
	if isSIPS(&next) && !want.Secure() {
		want = TLS
	}
	if d.peer.transport.webSocket() && (want.webSocket() || d.peer.transport == WSS) {
		return []hop{d.peer}, nil
	}
	hops, err := d.ua.locate(ctx, want, bareHost(next.Host), next.Port, d.account.linkTo(next.Host))
	if err != nil {
		return nil, err
	}
	for i, h := range hops {
		if h.transport == d.peer.transport && h.addr == d.peer.addr {
			hops[i] = d.peer // under the name it was found by, which its certificate has
		}
	}
	return d.ua.hops.livelyFirst(preferred(hops, d.peer)), nil
}

// nextHopTime is how long the DNS has to say where a dialog's request goes: there is
// somebody to ask without it, and an ACK must not be late.
const nextHopTime = 4 * time.Second

// open reaches the next hop of a dialog that is not one of failed: as RFC 3263
// says, or, where that cannot be resolved or connected, the peer the dialog was
// made with.
func (d *Dialog) open(ctx context.Context, next sipmsg.Uri, failed []hop) (*route, error) {
	lookup, cancel := context.WithTimeout(ctx, nextHopTime)
	hops, err := d.nextHops(lookup, next)
	cancel()
	hops = slices.DeleteFunc(hops, func(h hop) bool { return slices.Contains(failed, h) })
	for i, h := range hops {
		var rt *route
		if rt, err = d.ua.open(ctx, h); err == nil {
			rt.more = i < len(hops)-1
			return rt, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		if len(hops) > 1 {
			d.ua.hops.outcome(h, false)
		}
	}
	if err == nil { // all have failed
		return nil, unreachable("the other side of the call", nil)
	}
	if ctx.Err() != nil || !d.peer.addr.IsValid() || slices.Contains(failed, d.peer) {
		return nil, err
	}
	if rt, perr := d.ua.open(ctx, d.peer); perr == nil {
		return rt, nil
	}
	return nil, err
}

// failover says whether a request that had this outcome shall be sent to another
// hop, and notes in failed that it is not to go to this one again.
func (d *Dialog) failover(ctx context.Context, rt *route, failed *[]hop, res *sipmsg.Response, err error) bool {
	bad := err != nil && errors.Is(err, ErrUnreachable) || err == nil && res.StatusCode == 503
	if !bad || !rt.more || ctx.Err() != nil || d.ua.isClosing() {
		return false
	}
	d.ua.hops.outcome(rt.hop, false)
	*failed = append(*failed, rt.hop)
	d.logger().Info("sip: a hop of the call does not answer, trying the next", "hop", rt.addr, "transport", rt.transport.String())
	return true
}
