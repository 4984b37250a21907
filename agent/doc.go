// Package agent is the directive layer of the phone: it speaks the published
// PhoneCall 1.3 interface, all six directives and all six events. Directives go
// in as JSON, events and the context come out as JSON, and between them stands
// one small state machine of four states (IDLE, OUTGOING, INCOMING,
// ESTABLISHED).
//
//	directive JSON -> decode -> validate -> step(state, input) -> effects
//	call events    ----------------------->        |
//	                                               +-> dial, answer, hang up
//	                                               +-> event JSON with context
//	SendCandidates -> given + Book + History + Rules -> merge -> limit -> template
//
// Candidates leave without the numbers that only this phone knows; their tokens
// are resolved here. Members of messages that this version does not know are
// written back as they came (Extra). The schemas in schema/ are held against
// the types and against every message of the tests.
//
// One goroutine owns the state, so directives of one dialogRequestId run in
// the order in which they were handed in. Handle never waits for the network:
// it answers whether the directive was accepted, and what became of it is told
// by events.
//
// The package never opens a socket, never stores anything and knows no SIP
// message: package dialer makes the calls, and Config carries the contacts, the
// history, the block rules and the few things that only the surrounding device
// can know. Any of them may be missing.
package agent
