// Package sip is a SIP user agent: it registers accounts, places and receives
// calls, keeps their dialogs alive until a BYE, transfers them, and subscribes to
// waiting messages.
//
// It follows
//
//   - RFC 3261 (core), RFC 6026 (2xx in INVITE transactions), RFC 3262 (reliable
//     provisional responses), RFC 3311 (UPDATE), RFC 4028 (session timers), RFC 6086
//     (INFO without packages)
//   - RFC 3515 with RFC 3420, RFC 3892 and RFC 5057 (REFER), RFC 3891 (Replaces),
//     RFC 6665 with RFC 3842 (waiting messages)
//   - RFC 7616 and RFC 8760 (digest with MD5, SHA-256 and SHA-512-256, also "-sess")
//   - RFC 3263 (locating servers: NAPTR, SRV, then A and AAAA, with failover), RFC 3327
//     (Path), RFC 3608 (Service-Route), RFC 5630 (sips), RFC 7118 (WebSocket, as a
//     client), RFC 5626 (keep-alives, outbound with one flow), RFC 3581 (rport), RFC
//     8489 (where we are seen outside a NAT)
//   - RFC 3323 (Privacy), RFC 3325 (P-Asserted-Identity, believed only from the
//     account's registrar), RFC 3326 (Reason), RFC 5373 (Answer-Mode), RFC 5806
//     (Diversion), RFC 7433 (User-to-User)
//
// Messages travel like this:
//
//	socket -> packetConn, streamConn -> gate  -> filter    -> arrived -> sipgo transactions -> dispatch -> Dialog, Invitation
//	          (tap, size, framing, STUN) (400)   (silence)    (order)                                  \-> ClientInvite, Registration, Subscription
//
// Everything that arrives passes the gate first: what cannot be parsed or
// lacks what RFC 3261 §8.1.1 requires is answered 400 or dropped there, so
// neither the transaction layer nor its log ever sees it. The filter then drops
// requests of strangers that belong to no call, see Config.Allow; a stranger gets
// no 400 either. New calls are refused while others wait too long to be served, see
// Config.MaxWait. Up to here, and in arrived, which makes the dialogs of responses and
// notes in which order messages came, all runs in the goroutine that reads the socket;
// sipgo then takes each message in a goroutine of its own.
//
// Locks are taken in this order, and none is held while something is called that may
// wait: Invitation or ClientInvite, UserAgent, then Dialog, Registration or
// Subscription.
//
// The package never looks into a session description (SDP is opaque bytes),
// never handles media, never logs a whole message, a password or a caller's number,
// and its exported API names no type of the underlying SIP library.
package sip
