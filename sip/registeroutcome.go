package sip

import (
	"fmt"
	"math/rand/v2"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// judge turns the outcome of an exchange into a state and a wait.
func (r *Registration) judge(a Account, res *sipmsg.Response, err error) time.Duration {
	if err != nil {
		return r.retry(0, "", err, 0)
	}
	if res.IsSuccess() {
		return r.accepted(a, res)
	}
	e := statusError(res)
	switch {
	case r.firstHopLacks(e.Code):
		return 0
	case e.Code == 423 && r.tooBrief(res, a):
		return 0
	case refusedForGood(e.Code):
		r.refusals++
		if r.worked && r.refusals <= maxRefusals {
			return r.retry(e.Code, e.Reason, e, e.RetryAfter)
		}
		r.bound = nil
		r.set(RegistrationState{Phase: Rejected, Code: e.Code, Reason: e.Reason, Err: explain(a, e), Attempt: r.State().Attempt + 1})
		return -1
	}
	return r.retry(e.Code, e.Reason, e, e.RetryAfter)
}

// explain says what to do about a refusal; errors.As still finds e.
func explain(a Account, e *StatusError) error {
	switch {
	case (e.Code == 401 || e.Code == 407) && a.Password == "":
		return fmt.Errorf("%s asks for a password and account %s has none: set it: %w", a.server(), a.id(), e)
	case e.Code == 401 || e.Code == 407 || e.Code == 403:
		return fmt.Errorf("%s does not accept user name and password of account %s: check them: %w", a.server(), a.id(), e)
	case e.Code == 404:
		return fmt.Errorf("%s does not know the user of account %s: check user and domain: %w", a.server(), a.id(), e)
	}
	return fmt.Errorf("%s refuses to register account %s: %w", a.server(), a.id(), e)
}

// refusedForGood tells the codes that trying again does not change: the
// password is wrong, or the registrar knows the user and does not want it.
func refusedForGood(code int) bool {
	switch code {
	case 401, 407, 403, 404, 405, 410, 416, 420, 501, 604, 603:
		return true
	}
	return false
}

// tooBrief takes Min-Expires of a 423 (RFC 3261 §10.2.8).
func (r *Registration) tooBrief(res *sipmsg.Response, a Account) bool {
	m, ok := seconds(headerValues(res, "Min-Expires"))
	if !ok || m <= r.wanted(a) || m > maxExpires {
		return false
	}
	r.minimum = m
	return true
}

// retry backs off: RetryMin doubling up to RetryMax, of which a random part
// between one half and all is waited; a Retry-After is obeyed up to an hour.
func (r *Registration) retry(code int, reason string, err error, after time.Duration) time.Duration {
	st := r.State()
	attempt := st.Attempt + 1
	wait := max(r.backOff(attempt), min(after, time.Hour))
	r.set(RegistrationState{Phase: Retrying, Code: code, Reason: reason, Err: err, RetryIn: wait, Attempt: attempt, Contact: st.Contact})
	return wait
}

// backOff is the wait after that many failures in a row.
func (r *Registration) backOff(failures int) time.Duration { return r.ua.cfg.backOff(failures) }

// backOff doubles from RetryMin to RetryMax; half of it is left to chance.
func (c Config) backOff(failures int) time.Duration {
	step := c.RetryMax
	if shift := max(failures-1, 0); shift < 20 {
		step = min(step, c.RetryMin<<shift)
	}
	return step/2 + rand.N(step/2+1)
}

// accepted handles a 2xx: the time granted is our Contact's expires
// parameter, then the Expires header, then what we asked (RFC 3261 §10.2.4).
func (r *Registration) accepted(a Account, res *sipmsg.Response) time.Duration {
	r.worked, r.refusals, r.since = true, 0, time.Now()
	if r.elsewhere() {
		return 0
	}
	granted := min(max(r.granted, 0), maxExpires)
	if granted == 0 {
		return r.retry(res.StatusCode, "registrar granted no time", &StatusError{Code: res.StatusCode, Reason: "registrar granted no time"}, 0)
	}
	r.set(RegistrationState{
		Phase: Registered, Code: res.StatusCode, Reason: cleanPhrase(res.Reason), Expires: granted, Contact: r.bound.String(),
	})
	return refreshAfter(granted)
}

// refreshAfter leaves, before the binding expires, half of its time or as much
// as a failed REGISTER takes (32 s) and a tenth more, whichever is less.
func refreshAfter(granted time.Duration) time.Duration {
	margin := min(granted/2, max(40*time.Second, granted/10))
	return max(granted-margin, minRefresh)
}
