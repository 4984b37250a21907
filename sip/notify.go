package sip

import (
	sipmsg "github.com/emiago/sipgo/sip"
)

// allowedEvents is the Allow-Events header: what NOTIFY is taken for.
const allowedEvents = "refer"

// onNotify takes a NOTIFY (RFC 6665 §4.1.3) by its event package.
func (ua *UserAgent) onNotify(req *sipmsg.Request, tx *sipmsg.ServerTx) {
	event, id := eventOf(req)
	switch event {
	case "refer":
		ua.onReferNotify(req, tx, id)
	default:
		res := ua.newResponse(req, 489, "")
		res.AppendHeader(sipmsg.NewHeader("Allow-Events", allowedEvents))
		if err := tx.Respond(res); err != nil {
			ua.log.Debug("sip: response not sent", "code", 489, "err", err)
		}
	}
}
