package sip

import (
	"context"
	"errors"
	"log/slog"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// errCancelled is the outcome of an INVITE that was cancelled and whose 487
// never came (RFC 3261 §9.1: after 64*T1 it counts as cancelled).
var errCancelled = errors.New("cancelled without an answer")

// inviteTx is one INVITE client transaction, for a new call or a re-INVITE.
type inviteTx struct {
	ua          *UserAgent
	log         *slog.Logger
	req         *sipmsg.Request
	rt          *route
	sent        func()                 // the request has left; may be nil
	provisional func(*sipmsg.Response) // 1xx
	again       func(*sipmsg.Response) // 2xx after the first one; must not block
	cancel      <-chan struct{}        // closed to cancel
	reason      func() string          // Reason header of the CANCEL; may be nil
}

// run sends the INVITE and returns its first final response. CANCEL goes out
// only once a provisional response has come (RFC 3261 §9.1). The transaction
// goes on by itself after that, acknowledging non-2xx (sipgo) and handing
// further 2xx to again.
func (t *inviteTx) run(ctx context.Context) (*sipmsg.Response, error) {
	tx, err := t.ua.newTx(ctx, t.req, t.rt)
	if err != nil {
		return nil, err
	}
	if t.again != nil {
		tx.OnRetransmission(t.again)
	}
	branch := branchOf(t.req)
	in := t.ua.inboxes.open(branch)
	defer t.ua.inboxes.close(branch)
	var refused <-chan struct{} // nobody listens there
	if t.rt.transport == UDP && (t.rt.more || tagOf(t.req.To().Params) == "") {
		hit, stop := t.ua.refused.watch(t.rt.addr)
		defer stop()
		refused = hit
	}
	if err := t.ua.begin(tx, t.rt, sipmsg.INVITE); err != nil {
		return nil, err
	}
	if t.sent != nil {
		t.sent()
	}
	taken := make(chan *sipmsg.Response, 1) // the final one, as the transaction has it
	if !t.ua.start(func() { drain(tx, taken) }) {
		tx.Terminate()
		return nil, ErrClosed
	}
	cancel, proceeding, wanted := t.cancel, false, false
	var giveUp <-chan time.Time
	for {
		if wanted && proceeding && giveUp == nil {
			t.sendCancel()
			timer := time.NewTimer(timer64)
			defer timer.Stop()
			giveUp = timer.C
		}
		select {
		case <-in.ready:
			res := in.take()
			if res == nil {
				continue
			}
			if !res.IsProvisional() {
				return t.final(tx, res, taken)
			}
			proceeding, refused = true, nil
			t.provisional(res)
		case <-cancel:
			cancel, wanted = nil, true
		case <-giveUp:
			tx.Terminate()
			return nil, errCancelled
		case <-refused:
			tx.Terminate()
			return nil, t.rt.refusal(sipmsg.INVITE)
		case <-tx.Done():
			for res := in.take(); res != nil; res = in.take() {
				if !res.IsProvisional() { // the connection ended right behind it
					return res, nil
				}
			}
			return nil, t.ua.txError(tx, t.rt, sipmsg.INVITE)
		}
	}
}

// drain reads what the transaction hands on until its final response, so that
// it never waits for us.
func drain(tx *sipmsg.ClientTx, taken chan<- *sipmsg.Response) {
	defer close(taken)
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				taken <- res
				return
			}
		case <-tx.Done():
			return
		}
	}
}

// final returns res once the transaction has had it, and so has sent the ACK of
// a non-2xx. A 2xx of another fork in the same burst may have been faster there.
func (t *inviteTx) final(tx *sipmsg.ClientTx, res *sipmsg.Response, taken <-chan *sipmsg.Response) (*sipmsg.Response, error) {
	other := <-taken
	if other == nil && t.ua.isClosing() {
		return nil, t.ua.txError(tx, t.rt, sipmsg.INVITE)
	}
	if other != nil && other != res && other.IsSuccess() && t.again != nil {
		t.ua.start(func() { t.again(other) })
	}
	return res, nil
}

// sendCancel sends the CANCEL and sees to its transaction in the background.
func (t *inviteTx) sendCancel() {
	req := sipmsg.NewRequest(sipmsg.CANCEL, *t.req.Recipient.Clone())
	req.AppendHeader(t.req.Via().Clone())
	sipmsg.CopyHeaders("Route", t.req, req)
	forwards := sipmsg.MaxForwardsHeader(70)
	req.AppendHeader(&forwards)
	for _, name := range []string{"From", "To", "Call-ID"} {
		sipmsg.CopyHeaders(name, t.req, req)
	}
	setCSeq(req, t.req.CSeq().SeqNo)
	if t.reason != nil {
		if r := t.reason(); r != "" {
			req.AppendHeader(sipmsg.NewHeader("Reason", reasonHeader(r)))
		}
	}
	req.SetTransport(t.req.Transport())
	req.SetDestination(t.req.Destination())
	t.ua.finishRequest(req, "", nil)
	t.ua.start(func() {
		if _, err := t.ua.roundTrip(context.Background(), req, t.rt); err != nil && !errors.Is(err, ErrClosed) {
			t.log.Debug("sip: CANCEL was not answered", "to", t.rt.addr, "err", err)
		}
	})
}

// reasonHeader writes a Reason header value (RFC 3326): text that already
// names a protocol is used as it is.
func reasonHeader(text string) string {
	text = cleanPhrase(text)
	for _, p := range []string{"SIP;", "Q.850;"} {
		if len(text) >= len(p) && text[:len(p)] == p {
			return text
		}
	}
	return "SIP;text=" + quote(text)
}
