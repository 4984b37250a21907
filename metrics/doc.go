// Package metrics counts what a phone does, for Prometheus: registrations,
// calls by outcome and SIP code, how long setting up a call took (the session
// request delay of RFC 6076 §4.3.1 among others), and how the sound of calls was
// (RFC 3550 loss, jitter and round trip; MOS) and how that of running calls is.
//
// Numbers of callers, names and anything else of a single call never become
// labels: what is exposed is bounded in size and tells of no person but the
// account's own name.
package metrics
