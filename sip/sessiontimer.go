package sip

import (
	"strconv"
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// A session that nobody refreshes ends (RFC 4028), so that none stays up when
// its peer is gone without a BYE:
//
//	INVITE Session-Expires: 1800 ->
//	                             <- 422 Min-SE: 3600         asked for again with 3600
//	                             <- 200 Session-Expires: 1800;refresher=uac
//	UPDATE or re-INVITE ->                                   after 900 s, by the refresher
//	BYE                                                      32 s before the end, by either

const (
	timerTag       = "timer"
	leastInterval  = 90 * time.Second // RFC 4028 §4
	sessionMargin  = 32 * time.Second // §10: the BYE goes out so long before the end, or a third
	refreshAgain   = 10 * time.Second // between tries of a refresh that did not succeed
	maxTimerRaises = 3                // 422 in a row that are obeyed
)

// SessionTimers says how calls are kept from staying up with nobody there
// (RFC 4028). The zero value asks for a refresh within every 30 minutes.
type SessionTimers struct {
	// Off neither asks for session timers nor takes part in them.
	Off bool
	// Expires is the interval asked for, and the longest agreed to. 0 means
	// 30 minutes; it is at least Min.
	Expires time.Duration
	// Min is the shortest interval agreed to: less is refused with 422. 0, and
	// what is less than it, means 90 s, the least that the RFC has.
	Min time.Duration
}

func (s SessionTimers) withDefaults() SessionTimers {
	if s.Expires <= 0 {
		s.Expires = 30 * time.Minute
	}
	s.Min = max(s.Min, leastInterval).Truncate(time.Second)
	s.Expires = max(s.Expires, s.Min).Truncate(time.Second)
	return s
}

// refresher names who refreshes, seen from one request: who sent it or who
// answered it.
type refresher string

const (
	refreshNobody refresher = ""
	refreshUAC    refresher = "uac"
	refreshUAS    refresher = "uas"
)

// expiry is a Session-Expires header field. Interval 0 means that there is none.
type expiry struct {
	interval time.Duration
	by       refresher
}

// readExpiry reads Session-Expires (RFC 4028 §4); what cannot be read counts
// as absent.
func readExpiry(values []string) expiry {
	d, ok := seconds(values)
	if !ok || d <= 0 {
		return expiry{}
	}
	e := expiry{interval: d}
	for _, p := range splitUnquoted(values[0], ';')[1:] {
		k, v, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(k), "refresher") {
			continue
		}
		if r := refresher(strings.ToLower(strings.TrimSpace(v))); r == refreshUAC || r == refreshUAS {
			e.by = r
		}
	}
	return e
}

// String writes the header field's value.
func (e expiry) String() string {
	s := strconv.Itoa(int(e.interval / time.Second))
	if e.by != refreshNobody {
		s += ";refresher=" + string(e.by)
	}
	return s
}

// timerOffer is what a request says of session timers.
type timerOffer struct {
	expiry
	min      time.Duration // Min-SE
	supports bool          // Supported: timer
}

func readTimerOffer(req *sipmsg.Request) timerOffer {
	o := timerOffer{expiry: readExpiry(headerValues(req, "Session-Expires"))}
	o.min, _ = seconds(headerValues(req, "Min-SE"))
	o.supports = hasToken(headerValues(req, "Supported"), timerTag) || hasToken(headerValues(req, "Require"), timerTag)
	return o
}

// tooBrief says whether a request is to be refused with 422 (RFC 4028 §9): who
// does not know of session timers could make nothing of that.
func (s SessionTimers) tooBrief(o timerOffer) bool {
	return !s.Off && o.supports && o.interval > 0 && o.interval < s.Min
}

// agree is what our 2xx says to a request (RFC 4028 §9, table 2). now is what is
// in force: zero in a new dialog; its refresher is uas when that is us.
func (s SessionTimers) agree(o timerOffer, now expiry) expiry {
	if s.Off || !o.supports && o.interval == 0 && now.by != refreshUAS {
		return expiry{} // nobody could refresh but they, and they do not know how
	}
	e := o.expiry
	switch {
	case e.interval == 0 && now.interval > 0:
		e.interval = max(now.interval, o.min)
	case e.interval == 0 || e.interval > s.Expires:
		e.interval = max(s.Expires, o.min)
		if o.interval > 0 {
			e.interval = min(e.interval, o.interval) // it may come down only
		}
	}
	switch {
	case !o.supports:
		e.by = refreshUAS
	case e.by == refreshNobody && now.by != refreshNobody:
		e.by = now.by
	case e.by == refreshNobody:
		e.by = refreshUAC
	}
	return e
}

// hasToken looks for an option tag or method in comma-separated values.
func hasToken(values []string, token string) bool {
	for _, t := range tokens(values) {
		if strings.EqualFold(t, token) {
			return true
		}
	}
	return false
}

// tooBrief answers 422 to a request whose session interval is too small.
func (ua *UserAgent) tooBrief(req *sipmsg.Request, tx *sipmsg.ServerTx) bool {
	timers := ua.cfg.SessionTimers
	if !timers.tooBrief(readTimerOffer(req)) {
		return false
	}
	res := ua.newResponse(req, 422, "")
	res.AppendHeader(sipmsg.NewHeader("Min-SE", wholeSeconds(timers.Min)))
	ua.send(tx, req, res)
	return true
}

func wholeSeconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// raiseTimer obeys a 422: it returns the interval and Min-SE to ask for next,
// and false when the response says nothing that could be obeyed.
func raiseTimer(res *sipmsg.Response, asked expiry) (expiry, time.Duration, bool) {
	least, ok := seconds(headerValues(res, "Min-SE"))
	if !ok || least <= asked.interval || least > 24*time.Hour {
		return asked, 0, false
	}
	asked.interval = least
	return asked, least, true
}

// askTimer puts the wish for a session timer into a request.
func askTimer(req *sipmsg.Request, e expiry, least time.Duration) {
	if e.interval == 0 {
		return
	}
	req.AppendHeader(sipmsg.NewHeader("Session-Expires", e.String()))
	if least > leastInterval {
		req.AppendHeader(sipmsg.NewHeader("Min-SE", wholeSeconds(least)))
	}
}
