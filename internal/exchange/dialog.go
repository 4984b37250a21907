package exchange

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// RFC 3261 §17.1.1.1. Constants here, so that the exchange keeps its own time.
const (
	t1       = 500 * time.Millisecond
	t2       = 4 * time.Second
	giveUp   = 64 * t1
	ackGrace = 2 * t1 // how long a re-INVITE waits for an ACK that it has overtaken
)

var (
	errFlowGone = errors.New("the connection that the phone registered over is closed")
	errClosed   = errors.New("the exchange is closed")
)

// dialogKey finds a dialog by what a request in it carries: Call-ID and our tag.
type dialogKey struct{ callID, tag string }

// owner is what a dialog belongs to: a bridge or a service.
type owner interface {
	remoteBye(d *dialog) // the far end has ended the call; it has its 200
	reinvite(d *dialog, req *sipmsg.Request, tx sipmsg.ServerTransaction)
	request(d *dialog, req *sipmsg.Request, tx sipmsg.ServerTransaction)
}

// dialog is one end of a dialog (RFC 3261 §12), as caller or as callee.
type dialog struct {
	ex        *Exchange
	key       dialogKey
	who       string // the far end, for the trace
	local     sipmsg.FromHeader
	remote    sipmsg.ToHeader
	transport string
	flow      string        // address the far end was last heard from
	done      chan struct{} // closed when the dialog ends

	mu        sync.Mutex
	owner     owner
	target    sipmsg.Uri
	routes    []string
	localSeq  uint32
	remoteSeq uint32
	confirmed bool // there was a 2xx: BYE is due at the end
	ended     bool
	serving   bool // a re-INVITE of theirs is being answered
	inviting  bool // a re-INVITE of ours is under way
	acks      map[uint32]chan []byte
	lastAck   *sipmsg.Request
}

// uasDialog is our end of a dialog that the INVITE req asks for, under tag.
func (e *Exchange) uasDialog(req *sipmsg.Request, tag string) *dialog {
	to, from := req.To(), req.From()
	d := &dialog{
		ex:        e,
		key:       dialogKey{req.CallID().Value(), tag},
		who:       e.nameOf(from.Address.User),
		local:     sipmsg.FromHeader{DisplayName: to.DisplayName, Address: *to.Address.Clone()},
		remote:    sipmsg.ToHeader{DisplayName: from.DisplayName, Address: *from.Address.Clone(), Params: from.Params.Clone()},
		transport: req.Transport(),
		flow:      req.Source(),
		done:      make(chan struct{}),
		target:    from.Address,
		localSeq:  1,
		remoteSeq: req.CSeq().SeqNo,
		acks:      make(map[uint32]chan []byte),
	}
	d.local.Params.Add("tag", tag)
	if c := req.Contact(); c != nil {
		d.target = *c.Address.Clone()
	}
	for _, h := range req.GetHeaders("Record-Route") {
		d.routes = append(d.routes, h.Value())
	}
	return d
}

// uacDialog is our end of a dialog to be made with a contact.
func (e *Exchange) uacDialog(b *binding, from sipmsg.FromHeader, to sipmsg.ToHeader) *dialog {
	d := &dialog{
		ex:        e,
		key:       dialogKey{token() + "@" + e.local.Addr().String(), token()},
		who:       e.nameOf(to.Address.User),
		local:     sipmsg.FromHeader{DisplayName: from.DisplayName, Address: *from.Address.Clone()},
		remote:    sipmsg.ToHeader{DisplayName: to.DisplayName, Address: *to.Address.Clone()},
		transport: b.transport,
		flow:      b.source,
		done:      make(chan struct{}),
		target:    *b.uri.Clone(),
		acks:      make(map[uint32]chan []byte),
	}
	d.local.Params.Add("tag", d.key.tag)
	return d
}

// learn takes remote tag, target and routes from a response to our INVITE.
func (d *dialog) learn(res *sipmsg.Response) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if tag, ok := res.To().Params.Get("tag"); ok {
		d.remote.Params.Remove("tag")
		d.remote.Params.Add("tag", tag)
	}
	if c := res.Contact(); c != nil {
		d.target = *c.Address.Clone()
	}
	rr := res.GetHeaders("Record-Route")
	d.routes = d.routes[:0]
	for i := len(rr) - 1; i >= 0; i-- { // RFC 3261 §12.1.2: reversed
		d.routes = append(d.routes, rr[i].Value())
	}
	d.confirmed = d.confirmed || res.IsSuccess()
}

// retarget takes a new Contact from a re-INVITE, UPDATE or its 2xx (§12.2.2).
func (d *dialog) retarget(m sipmsg.Message) {
	var c *sipmsg.ContactHeader
	switch m := m.(type) {
	case *sipmsg.Request:
		c = m.Contact()
	case *sipmsg.Response:
		c = m.Contact()
	}
	if c == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.target = *c.Address.Clone()
}

// inOrder checks the sequence number of a request in the dialog (§12.2.2).
func (d *dialog) inOrder(seq uint32) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if seq <= d.remoteSeq {
		return false
	}
	d.remoteSeq = seq
	return true
}

// newRequest builds a request in the dialog, the first INVITE too. seq 0 takes
// the next number.
func (d *dialog) newRequest(method sipmsg.RequestMethod, seq uint32) *sipmsg.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	if seq == 0 {
		d.localSeq++
		seq = d.localSeq
	}
	req := sipmsg.NewRequest(method, *d.target.Clone())
	max := sipmsg.MaxForwardsHeader(70)
	callID := sipmsg.CallIDHeader(d.key.callID)
	from, to := d.local, d.remote
	from.Params, to.Params = d.local.Params.Clone(), d.remote.Params.Clone()
	req.AppendHeader(d.ex.via(d.transport))
	for _, r := range d.routes {
		req.AppendHeader(sipmsg.NewHeader("Route", r))
	}
	req.AppendHeader(&max)
	req.AppendHeader(&from)
	req.AppendHeader(&to)
	req.AppendHeader(&callID)
	req.AppendHeader(&sipmsg.CSeqHeader{SeqNo: seq, MethodName: method})
	if method != sipmsg.BYE && method != sipmsg.CANCEL {
		req.AppendHeader(d.ex.contact(d.local.Address.User, d.transport))
	}
	req.AppendHeader(sipmsg.NewHeader("User-Agent", "exchange"))
	if method == sipmsg.INVITE {
		req.AppendHeader(sipmsg.NewHeader("Allow", allowed))
	}
	req.SetTransport(d.transport)
	req.SetDestination(d.hop())
	if d.transport == "UDP" {
		req.Laddr = sipmsg.Addr{IP: d.ex.local.Addr().AsSlice(), Port: int(d.ex.local.Port())}
	}
	req.SetBody(nil)
	return req
}

// hop is where the next request goes: over TCP along the flow, over UDP to the
// first route or the target where that is an address, else back along the flow.
func (d *dialog) hop() string {
	if d.transport != "UDP" {
		return d.flow
	}
	next := d.target
	if len(d.routes) > 0 {
		var u sipmsg.Uri
		if _, err := sipmsg.ParseAddressValue(d.routes[0], &u, nil); err == nil {
			next = u
		}
	}
	a, err := netip.ParseAddr(strings.Trim(next.Host, "[]"))
	if err != nil {
		return d.flow
	}
	port := next.Port
	if port == 0 {
		port = 5060
	}
	return netip.AddrPortFrom(a, uint16(port)).String()
}

// reachable makes sure that sipgo dials nothing: a TCP flow must stand.
func (e *Exchange) reachable(req *sipmsg.Request) error {
	if req.Transport() == "UDP" {
		return nil
	}
	c, err := e.ua.TransportLayer().GetConnection(req.Transport(), req.Destination())
	if err != nil {
		return errFlowGone
	}
	_, _ = c.TryClose()
	return nil
}

// do sends a request other than INVITE and waits for its final response.
func (e *Exchange) do(req *sipmsg.Request) (*sipmsg.Response, error) {
	if err := e.reachable(req); err != nil {
		return nil, err
	}
	tx, err := e.client.TransactionRequest(e.ctx, req, asIs)
	if err != nil {
		return nil, err
	}
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
		case <-tx.Done():
			return nil, tx.Err()
		case <-e.ctx.Done():
			return nil, errClosed
		}
	}
}

// ack acknowledges a 2xx to our INVITE numbered seq, now and whenever it comes again.
func (d *dialog) ack(seq uint32, body []byte) {
	req := d.newRequest(sipmsg.ACK, seq)
	setBody(req, sdpType, body)
	d.mu.Lock()
	d.lastAck = req
	d.mu.Unlock()
	d.ex.write(req)
}

// ackAgain answers a repeated 2xx.
func (d *dialog) ackAgain(*sipmsg.Response) {
	d.mu.Lock()
	req := d.lastAck
	d.mu.Unlock()
	if req != nil {
		d.ex.write(req.Clone())
	}
}

func (e *Exchange) write(req *sipmsg.Request) {
	if err := e.reachable(req); err != nil {
		return
	}
	if err := e.client.WriteRequest(req, asIs); err != nil {
		e.log.Debug("request not sent", "method", string(req.Method), "error", err)
	}
}

// hangup ends the dialog: BYE when it was confirmed. It does not wait.
func (d *dialog) hangup(reason string) {
	if !d.end() {
		return
	}
	bye := d.newRequest(sipmsg.BYE, 0)
	if reason != "" {
		bye.AppendHeader(sipmsg.NewHeader("Reason", reason))
	}
	d.ex.background(func() { _, _ = d.ex.do(bye) })
}

// sayGoodbye sends one BYE and forgets: the exchange is closing.
func (d *dialog) sayGoodbye() {
	if d.end() {
		d.ex.write(d.newRequest(sipmsg.BYE, 0))
	}
}

// end takes the dialog out of the books; true the first time if a BYE is due.
func (d *dialog) end() (byeDue bool) {
	d.mu.Lock()
	if d.ended {
		d.mu.Unlock()
		return false
	}
	d.ended = true
	byeDue = d.confirmed
	close(d.done)
	d.mu.Unlock()
	d.ex.mu.Lock()
	defer d.ex.mu.Unlock()
	if d.ex.dialogs[d.key] == d {
		delete(d.ex.dialogs, d.key)
	}
	return byeDue
}

// enrol makes requests in the dialog reach o.
func (d *dialog) enrol(o owner) {
	d.mu.Lock()
	d.owner = o
	d.mu.Unlock()
	d.ex.mu.Lock()
	defer d.ex.mu.Unlock()
	d.ex.dialogs[d.key] = d
}

// find is the dialog that a request belongs to, nil when there is none.
func (e *Exchange) find(req *sipmsg.Request) (*dialog, owner) {
	tag, _ := req.To().Params.Get("tag")
	e.mu.Lock()
	d := e.dialogs[dialogKey{req.CallID().Value(), tag}]
	e.mu.Unlock()
	if d == nil {
		return nil, nil
	}
	theirs, _ := req.From().Params.Get("tag")
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.remote.Params.Get("tag"); ok && known != theirs {
		return nil, nil
	}
	return d, d.owner
}

// background runs f unless the exchange is closing; Close waits for it.
func (e *Exchange) background(f func()) {
	if !e.enter() {
		return
	}
	go func() {
		defer e.wg.Done()
		f()
	}()
}

// enter counts the caller among those Close waits for, unless it is too late.
func (e *Exchange) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.wg.Add(1)
	return true
}

// cancelOf builds the CANCEL for an INVITE (RFC 3261 §9.1).
func cancelOf(invite *sipmsg.Request, reason string) *sipmsg.Request {
	req := sipmsg.NewRequest(sipmsg.CANCEL, *invite.Recipient.Clone())
	req.AppendHeader(invite.Via().Clone())
	sipmsg.CopyHeaders("Route", invite, req)
	max := sipmsg.MaxForwardsHeader(70)
	req.AppendHeader(&max)
	sipmsg.CopyHeaders("From", invite, req)
	sipmsg.CopyHeaders("To", invite, req)
	sipmsg.CopyHeaders("Call-ID", invite, req)
	req.AppendHeader(&sipmsg.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sipmsg.CANCEL})
	if reason != "" {
		req.AppendHeader(sipmsg.NewHeader("Reason", reason))
	}
	req.SetTransport(invite.Transport())
	req.SetDestination(invite.Destination())
	req.Laddr = invite.Laddr
	req.SetBody(nil)
	return req
}

func reasonHeader(code int, text string) string {
	return "SIP;cause=" + strconv.Itoa(code) + `;text="` + text + `"`
}
