// Package dialer is call control: a Call joins one SIP dialog (package sip)
// to one media session (package media).
//
// A Call is owned by one goroutine, its loop. What it may do in which state is
// a pure table (state.go), what may be offered when is a second one
// (negotiation.go). Methods of Call post a request to the loop and wait for
// the reply, for the end of the call, or for their context; a SIP transaction
// that blocks runs in a helper goroutine whose result comes back to the loop
// as a message, so the loop never waits for the network.
//
//	UserAgent --Response, DialogEvent--> mailbox --> loop --> Event
//	methods   --requests---------------> mailbox -->  |  \--> media.Session
//	media     --digits-----------------> mailbox      \--> helpers --> UserAgent
//
// The package follows RFC 3261 (INVITE, CANCEL, BYE, re-INVITE and its glare,
// §14.1), RFC 3264 (offer and answer, hold), RFC 3311
// (UPDATE from the other side), RFC 4028 (refreshing sessions), RFC 3326 (calls answered
// elsewhere), RFC 5589 with RFC 3515 and RFC 3891 (transfer in every role). Digits go as RFC 4733 events, as tones, or in the customary
// application/dtmf-relay INFO body: see Config.Digits.
//
// It never looks inside a SIP message, never reads or writes a socket, keeps
// no history and knows no block rules: screening is a function given to it.
package dialer
