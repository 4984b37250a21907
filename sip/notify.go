package sip

import (
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// allowedEvents is the Allow-Events header: what NOTIFY is taken for.
const allowedEvents = "refer, message-summary"

// onNotify takes a NOTIFY (RFC 6665 §4.1.3) by its event package.
func (ua *UserAgent) onNotify(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	event, id := eventOf(req)
	switch event {
	case "refer":
		ua.onReferNotify(req, tx, id)
	case messageEvent:
		ua.onMessageNotify(req, tx)
	default:
		res := ua.newResponse(req, 489, "")
		res.AppendHeader(sipmsg.NewHeader("Allow-Events", allowedEvents))
		if err := tx.Respond(res); err != nil {
			ua.log.Debug("sip: response not sent", "code", 489, "err", err)
		}
	}
}

// onMessageNotify takes a message summary: of a subscription of ours, or, as PBXs
// send them unasked, from the registrar of the account it is for.
func (ua *UserAgent) onMessageNotify(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	tag := tagOf(req.To().Params)
	accountID := ""
	if tag != "" {
		s := ua.subscriptionOf(req.CallID().Value(), tag)
		if s == nil || !s.notified(req) {
			ua.respond(tx, req, 481, "")
			return
		}
		accountID = s.account.id()
	} else {
		reg, _ := ua.called(req, sourceOf(req))
		if reg == nil || !reg.trusts(sourceOf(req).Addr()) {
			ua.respond(tx, req, 481, "")
			return
		}
		accountID = reg.current().id()
	}
	if len(req.Body()) == 0 { // nothing to tell yet, or the end of it
		ua.respond(tx, req, 200, "")
		return
	}
	ct := ""
	if h := req.ContentType(); h != nil {
		ct, _, _ = strings.Cut(h.Value(), ";")
	}
	if !strings.EqualFold(strings.TrimSpace(ct), messageSummaryType) {
		res := ua.newResponse(req, 415, "")
		res.AppendHeader(sipmsg.NewHeader("Accept", messageSummaryType))
		_ = tx.Respond(res)
		return
	}
	m, err := ParseMessageSummary(req.Body())
	if err != nil {
		ua.log.Debug("sip: a message summary cannot be read") // err quotes it
		ua.respond(tx, req, 400, "Bad Message Summary")
		return
	}
	ua.respond(tx, req, 200, "")
	if ua.cfg.Messages != nil {
		ua.cfg.Messages(accountID, m)
	}
}

// subscriptionOf finds our subscription by its Call-ID and our tag.
func (ua *UserAgent) subscriptionOf(callID, tag string) *Subscription {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	return ua.subscriptions[callID+"\x00"+tag]
}

// notified notes the state that a NOTIFY tells; false when it is another
// notifier's than the one subscribed to (RFC 6665 §4.4.1).
func (s *Subscription) notified(req *sipmsg.Request) bool {
	state, params := subscriptionState(req)
	from := tagOf(req.From().Params)
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == "" || s.over || s.notifier != "" && s.notifier != from {
		return false
	}
	s.notifier = from
	if state != "terminated" {
		return true
	}
	s.over, s.retry = true, retryOf(params)
	s.state = SubscriptionState{Err: ErrClosed}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return true
}

// retryOf says when to subscribe again after a NOTIFY "terminated" (RFC 6665
// §4.1.3).
func retryOf(params map[string]string) time.Duration {
	switch strings.ToLower(params["reason"]) {
	case "deactivated", "timeout":
		return time.Second
	case "rejected", "noresource", "invariant":
		return refusedTime
	}
	if d, ok := seconds([]string{params["retry-after"]}); ok {
		return min(max(d, time.Second), refusedTime)
	}
	return time.Minute
}
