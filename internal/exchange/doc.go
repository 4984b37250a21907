// Package exchange is a small telephone exchange in the process: a registrar
// with digest authentication (RFC 3261 §10 and §22, RFC 8760), calls between
// registered users, and a few extensions that answer by themselves.
//
// It is for the demo and for tests ONLY. It keeps everything in memory, knows
// no TLS and no rate limits, and trusts its own network: do not run it as a PBX.
//
// It is a back-to-back user agent: it is one end of a dialog with the caller
// and one end of another with the callee, and carries requests between them.
//
//	alice                exchange                 bob
//	  | INVITE              |                       |
//	  |-------------------->| 407, then with digest |
//	  |                     | INVITE                |
//	  |                     |---------------------->|
//	  |            180, 183 |<--- 180, 183 ---------|   one To-tag per answering phone
//	  |<--------------------|                       |
//	  |           200 (SDP) |<------------- 200 ----|
//	  |<--------------------|  repeated until ACK   |
//	  | ACK                 |                       |
//	  |-------------------->| ACK                   |
//	  |                     |---------------------->|
//	  |<==== RTP, end to end or through a relay ===>|
//	  | BYE, re-INVITE, INFO, OPTIONS, UPDATE, ... carried both ways
//
// Its SIP is built on sipgo's transactions; dialogs, 200 retransmission, SDP,
// RTP and telephone-events (RFC 4733) are its own and share nothing with the
// user agent under test, so that a mistake there is not hidden by the same
// mistake here.
//
// Extensions: 600 echo, 601 announcement, 602 busy, 603 rings and never
// answers, 604 reads digits back, 605 declines, 606 early media and then an
// answer, 607 the milliwatt tone.
package exchange
