// Package control is the local control API: JSON over HTTP/1.1 on a loopback
// address or a Unix socket, for programs on the same machine.
//
//	POST /v1/directives   PhoneCall directives in
//	GET  /v1/context      the PhoneCall context
//	GET  /v1/events       the journal, as WebSocket or server-sent events
//	     /v1/blocklist    block rules
//	     /v1/contacts     contacts
//	GET  /v1/history      calls that were
//	GET  /healthz, /readyz, /openapi.json
//
// Every request passes the same gate, in this order: the Host header must name
// this machine (against DNS rebinding), an Origin header must be our own, and
// the bearer token must be right (RFC 6750). Nothing is answered without it.
// Errors are problem+json (RFC 9457) with code and message beside. huma makes
// the checks of bodies and the OpenAPI 3.1 document from the types of package
// control/api.
//
// An event stream is a cursor over the journal in store, so a reader that comes
// back with the number of its last event misses nothing, or is told by
// events.gap. No stream has a queue: a slow reader holds up itself alone, and is
// cut off.
//
// The package never listens on an address that other machines reach, never sends
// CORS headers, never logs a token, and holds no telephony: Config has a small
// interface for each thing it serves.
package control
