package sip

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// maxPracks bounds the PRACKs of one dialog that wait for the one before.
const maxPracks = 64

// reliableSeen is what came reliably for one INVITE within a dialog; Dialog.mu
// guards it.
type reliableSeen struct {
	cseq, rseq uint32
	queue      []duePrack
	sending    bool
}

// duePrack is a PRACK to be sent.
type duePrack struct {
	rack  string // value of RAck
	offer []byte // to be answered in it; nil: none
}

// onReliable takes a provisional response to an INVITE of ours. False means
// that it must be left out of account: it has come before, or the one before it
// has not come yet (RFC 3262 §4). A reliable one gets its PRACK, exactly once
// and within its own dialog.
func (d *Dialog) onReliable(res *sipmsg.Response) (reliable, fresh bool) {
	rseq, ok := readRSeq(res)
	if !ok || d.ua.cfg.Reliable == ReliableOff {
		return false, true
	}
	cseq := res.CSeq().SeqNo
	d.mu.Lock()
	s := &d.reliable
	first := s.cseq != cseq
	if !first && rseq != s.rseq+1 || len(s.queue) >= maxPracks {
		d.mu.Unlock()
		return true, false
	}
	s.cseq, s.rseq = cseq, rseq
	due := duePrack{rack: fmt.Sprintf("%d %d INVITE", rseq, cseq)}
	if d.state == early && len(res.Body()) > 0 {
		if d.lateAnswer != nil && !d.agreed {
			due.offer, d.answering = res.Body(), true
		}
		d.agreed = true
	}
	s.queue = append(s.queue, due)
	idle := !s.sending
	s.sending = true
	d.mu.Unlock()
	if idle {
		d.ua.start(d.sendPracks)
	}
	return true, true
}

// sendPracks sends PRACKs one after the other, so that they arrive in order.
func (d *Dialog) sendPracks() {
	for {
		d.mu.Lock()
		if len(d.reliable.queue) == 0 {
			d.reliable.sending = false
			d.mu.Unlock()
			return
		}
		due := d.reliable.queue[0]
		d.reliable.queue = d.reliable.queue[1:]
		d.mu.Unlock()
		res, err := d.sendPrack(due)
		switch {
		case err != nil:
			d.logger().Debug("sip: PRACK failed", "err", err)
		case !res.IsSuccess():
			d.logger().Debug("sip: PRACK was refused", "code", res.StatusCode)
		}
	}
}

// sendPrack sends one. It leaves without an answer where none can be made: the
// INVITE is being cancelled then.
func (d *Dialog) sendPrack(due duePrack) (*sipmsg.Response, error) {
	var answer []byte
	offer := due.offer
	if offer != nil {
		defer func() {
			d.mu.Lock()
			d.answering = false
			d.mu.Unlock()
		}()
	}
	return d.request(context.Background(), sipmsg.PRACK, func(req *sipmsg.Request, rt *route) error {
		if offer != nil { // once, however often the request is sent
			answer, _ = d.lateAnswer(d.path(rt.transport), offer)
			offer = nil
		}
		req.AppendHeader(sipmsg.NewHeader("RAck", due.rack))
		d.ua.finishRequest(req, sdpType, answer)
		return nil
	})
}

// readRSeq reads the number of a reliable provisional response (RFC 3262 §7.1).
func readRSeq(res *sipmsg.Response) (uint32, bool) {
	values := headerValues(res, "RSeq")
	if len(values) != 1 || !hasToken(headerValues(res, "Require"), reliableTag) {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(values[0]), 10, 32)
	return uint32(n), err == nil && n > 0
}
