package sip

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	sipmsg "github.com/emiago/sipgo/sip"
)

// maxUDP is the largest request sent over UDP when the path MTU is not known
// (RFC 3261 §18.1.1), in bytes.
const maxUDP = 1300

// newTx makes a client transaction for a finished request; nothing is sent
// before Init.
func (ua *UserAgent) newTx(ctx context.Context, req *sipmsg.Request, rt *route) (*sipmsg.ClientTx, error) {
	if ua.isClosing() {
		return nil, ErrClosed
	}
	key := ua.nextPathKey()
	req.Laddr = key
	if rt.transport == UDP {
		ua.forget(ua.sources.sentTo(rt.addr))
		pool := ua.tpl.Pool("udp")
		pool.Add(key.String(), &udpPath{conn: rt.packet, dest: rt.addr})
		defer pool.Delete(key.String())
	} else {
		rt.stream.starting.Add(1) // until begin
		select {
		case <-rt.stream.gone:
			rt.stream.starting.Add(-1)
			return nil, unreachable("connection to "+rt.addr.String()+" is gone", nil)
		default:
		}
		pool := ua.tpl.Pool("tcp")
		pool.Add(key.String(), rt.stream.path)
		defer pool.Delete(key.String())
	}
	tx, err := ua.txl.NewClientTransaction(ctx, req)
	if err != nil {
		ua.started(rt)
		return nil, unreachable("sending "+string(req.Method)+" to "+rt.addr.String(), err)
	}
	if branch := branchOf(req); req.Method == sipmsg.INVITE && rt.transport == UDP {
		ua.finals.expect(branch)
		if !tx.OnTerminate(func(string, error) { ua.finals.forget(branch) }) {
			ua.finals.forget(branch)
		}
	}
	return tx, nil
}

// nextPathKey is an address nobody has (RFC 6666), under which a transaction
// finds its path in sipgo's pool.
func (ua *UserAgent) nextPathKey() sipmsg.Addr {
	ip := make(net.IP, 16)
	ip[0] = 0x01
	binary.BigEndian.PutUint64(ip[8:], ua.pathKey.Add(1))
	return sipmsg.Addr{IP: ip, Port: 1}
}

// begin sends the request of a transaction.
func (ua *UserAgent) begin(tx *sipmsg.ClientTx, rt *route, method sipmsg.RequestMethod) error {
	err := tx.Init()
	ua.started(rt)
	if err != nil {
		tx.Terminate()
		return unreachable(fmt.Sprintf("sending %s to %s over %s", method, rt.addr, rt.transport), err)
	}
	return nil
}

// started tells that a transaction of newTx has begun. The end of its connection, which
// sipgo cannot take before that, is made up for.
func (ua *UserAgent) started(rt *route) {
	s := rt.stream
	if s == nil || s.starting.Add(-1) > 0 {
		return
	}
	select {
	case <-s.gone:
		ua.txl.OnConnectionClose(s.path)
	default:
	}
}

// roundTrip sends a request other than INVITE and waits for the final
// response. A transaction that times out (timer F) or fails gives an error
// wrapping ErrUnreachable; ctx ends the transaction too.
func (ua *UserAgent) roundTrip(ctx context.Context, req *sipmsg.Request, rt *route) (*sipmsg.Response, error) {
	tx, err := ua.newTx(ctx, req, rt)
	if err != nil {
		return nil, err
	}
	var refused <-chan struct{}
	outside := req.Method == sipmsg.REGISTER || req.Method == sipmsg.OPTIONS && tagOf(req.To().Params) == ""
	if (outside || rt.more) && rt.transport == UDP { // with nowhere else to go, timers decide
		hit, stop := ua.refused.watch(rt.addr)
		defer stop()
		refused = hit
	}
	if err := ua.begin(tx, rt, req.Method); err != nil {
		return nil, err
	}
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
		case <-refused:
			tx.Terminate()
			return nil, rt.refusal(req.Method)
		case <-tx.Done():
			return nil, ua.txError(tx, rt, req.Method)
		case <-ctx.Done():
			tx.Terminate()
			return nil, context.Cause(ctx)
		}
	}
}

// refusal is the error for a request to a UDP port that nobody listens on.
func (r *route) refusal(method sipmsg.RequestMethod) error {
	return unreachable(fmt.Sprintf("%s to %s over udp was refused: nobody listens there", method, r.addr), nil)
}

// txError explains why a client transaction ended without a final response.
func (ua *UserAgent) txError(tx *sipmsg.ClientTx, rt *route, method sipmsg.RequestMethod) error {
	if ua.isClosing() {
		return ErrClosed
	}
	err := tx.Err()
	if errors.Is(err, sipmsg.ErrTransactionTimeout) {
		if rt.stream != nil && rt.stream.silentFor(timer64) { // dead; the next request dials
			_ = rt.stream.Close()
		}
		return fmt.Errorf("%s did not answer %s over %s within 32 s: %w", rt.addr, method, rt.transport, errSilence)
	}
	return unreachable(fmt.Sprintf("%s to %s over %s failed", method, rt.addr, rt.transport), err)
}

// fit moves a request that is too large for UDP to TCP (RFC 3261 §18.1.1) when
// the account allows it; changed tells that Via and Contact must be made anew
// for the returned route.
func (ua *UserAgent) fit(ctx context.Context, req *sipmsg.Request, rt *route, allowed Transport) (_ *route, changed bool, err error) {
	if rt.transport != UDP || rt.large || len(req.String()) <= maxUDP {
		return rt, false, nil
	}
	if allowed == UDP {
		return nil, false, fmt.Errorf("%s of %d bytes exceeds %d and the account allows UDP only; set its transport to tcp: %w",
			req.Method, len(req.String()), maxUDP, ErrTooLarge)
	}
	tcp, err := ua.open(ctx, hop{transport: TCP, addr: rt.addr})
	if err != nil {
		if ctx.Err() != nil {
			return nil, false, err
		}
		ua.log.Debug("sip: no TCP for a large request, staying on UDP", "to", rt.addr, "err", err)
		big := *rt
		big.large = true
		return &big, false, nil
	}
	return tcp, true, nil
}

// write sends a request outside any transaction: the ACK of a 2xx.
func (ua *UserAgent) write(req *sipmsg.Request, rt *route) error {
	data, err := wire(req)
	if err != nil {
		return err
	}
	if rt.transport == UDP {
		ua.forget(ua.sources.sentTo(rt.addr))
		return rt.packet.send(data, rt.addr)
	}
	s := rt.stream
	select {
	case <-s.gone: // perhaps there is a new one
		if s = ua.streams.find(rt.hop); s == nil {
			return unreachable("connection to "+rt.addr.String()+" is gone", nil)
		}
	default:
	}
	_, err = s.Write(data)
	return err
}
