// Package sip is a SIP user agent: it registers accounts, places and receives
// calls, and keeps their dialogs alive until a BYE.
//
// It follows RFC 3261 (core), RFC 6026 (2xx handling in INVITE transactions),
// RFC 3262 (reliable provisional responses), RFC 3311 (UPDATE), RFC 4028
// (session timers),
// RFC 3263 (locating servers: NAPTR, SRV, then A and AAAA, with failover),
// RFC 5630 (sips), RFC 8489 (where we are seen outside a NAT), RFC 7118 (WebSocket, as a client), RFC 5626 (keep-alives),
// RFC 3608 (Service-Route), RFC 3581 (rport), RFC 3326
// (Reason), RFC 3325 (P-Asserted-Identity, believed only from the account's
// registrar), RFC 3515 and RFC 3892 (REFER, Referred-By), RFC 3891 (Replaces),
// RFC 6665 with RFC 3842 (waiting messages),
// RFC 6086 (INFO without packages), RFC 7616 and RFC 8760 (digest with MD5,
// SHA-256 and SHA-512-256, also "-sess").
//
// Messages travel like this:
//
//	socket -> packetConn/streamConn -> gate  -> filter    -> sipgo transactions -> dispatch -> Dialog, Invitation
//	          (tap, size, framing)     (400)    (silence)                                  \-> ClientInvite, Registration
//
// Everything that arrives passes the gate first: what cannot be parsed or
// lacks what RFC 3261 §8.1.1 requires is answered 400 or dropped there, so
// neither the transaction layer nor its log ever sees it. The filter then drops
// requests of strangers that belong to no call, see Config.Allow, and new calls
// are refused while others wait too long to be served, see Config.MaxWait.
//
// The package never looks into a session description (SDP is opaque bytes),
// never handles media, never logs a whole message or a password, and its
// exported API names no type of the underlying SIP library.
package sip
