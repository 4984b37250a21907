package dialer

import (
	"fmt"
	"time"
)

// negotiation says whose offer is open (RFC 3264 §4: at most one at a time).
type negotiation int

const (
	stable      negotiation = iota // nothing open; a new offer may be made
	localOffer                     // our offer waits for their answer
	remoteOffer                    // their offer waits for our answer
)

const negotiationCount = int(remoteOffer) + 1

func (n negotiation) String() string {
	switch n {
	case stable:
		return "stable"
	case localOffer:
		return "local-offer"
	case remoteOffer:
		return "remote-offer"
	default:
		return fmt.Sprintf("negotiation(%d)", int(n))
	}
}

// exchange is a step of offer and answer.
type exchange int

const (
	offerSent      exchange = iota // an offer of ours leaves
	answerReceived                 // their answer, usable
	offerRefused                   // they refused our offer, or their answer is no use
	offerReceived                  // an offer of theirs
	answerSent                     // our answer leaves
	offerRejected                  // we refuse their offer
)

const exchangeCount = int(offerRejected) + 1

func (e exchange) String() string {
	names := [...]string{"offerSent", "answerReceived", "offerRefused", "offerReceived", "answerSent", "offerRejected"}
	if e < 0 || int(e) >= len(names) {
		return fmt.Sprintf("exchange(%d)", int(e))
	}
	return names[e]
}

// settlement is what a step of offer and answer does to the media.
type settlement int

const (
	keep     settlement = iota // nothing changes yet
	commit                     // what was agreed takes effect
	rollback                   // what was before goes on (RFC 3261 §14.1)
	glare                      // answer 491: our own offer is open (RFC 3261 §14.2)
	busy                       // answer 500 with Retry-After: theirs is still open (RFC 3261 §14.2)
	wait                       // make our offer later
)

func (s settlement) String() string {
	names := [...]string{"keep", "commit", "rollback", "glare", "busy", "wait"}
	if s < 0 || int(s) >= len(names) {
		return fmt.Sprintf("settlement(%d)", int(s))
	}
	return names[s]
}

// negotiate is the table of offer and answer. False means that the step makes
// no sense here and changes nothing. It is pure.
func negotiate(n negotiation, e exchange) (negotiation, settlement, bool) {
	switch {
	case n == stable && e == offerSent:
		return localOffer, keep, true
	case n == stable && e == offerReceived:
		return remoteOffer, keep, true

	case n == localOffer && e == answerReceived:
		return stable, commit, true
	case n == localOffer && e == offerRefused:
		return stable, rollback, true
	case n == localOffer && e == offerReceived:
		return localOffer, glare, true
	case n == localOffer && e == offerSent:
		return localOffer, wait, true

	case n == remoteOffer && e == answerSent:
		return stable, commit, true
	case n == remoteOffer && e == offerRejected:
		return stable, rollback, true
	case n == remoteOffer && e == offerReceived:
		return remoteOffer, busy, true
	case n == remoteOffer && e == offerSent:
		return remoteOffer, wait, true
	}
	return n, keep, false
}

// glareRetries bounds how often one re-INVITE is repeated after 491 or 500. Each wait
// is random, so two sides meeting five times in a row means a peer that
// answers 491 to everything.
const glareRetries = 5

// retryAfterLimit is the longest Retry-After that a hold waits for.
const retryAfterLimit = 10 * time.Second

// glareWait is how long to wait after 491 before the re-INVITE is sent again
// (RFC 3261 §14.1): 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s for the
// other side, in steps of 10 ms, so that the two do not meet again. intN
// returns a random number in [0, n).
func glareWait(ownsCallID bool, intN func(n int) int) time.Duration {
	const step = 10 * time.Millisecond
	if ownsCallID {
		return 2100*time.Millisecond + time.Duration(intN(191))*step
	}
	return time.Duration(intN(201)) * step
}
