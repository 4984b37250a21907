// Package srtp protects RTP and RTCP packets (RFC 3711, RFC 7714) under keys that
// travel in SDP (RFC 4568).
//
// Crypto reads and writes the value of an a=crypto line. A Sender protects what one
// side sends under its Key, a Receiver checks and decrypts what the other sends:
//
//	a=crypto:1 SUITE inline:...  ──ParseCrypto──▶ Key ──NewReceiver──▶ RTP, RTCP
//	GenerateKey ──▶ Key ──Crypto.Attribute──▶ SDP
//	                 └────NewSender──▶ RTP, RTCP
//
// The ciphers and the formats on the wire are those of pion/srtp. This package
// keeps the packet index: the rollover counter (RFC 3711 §3.3.1), also when the
// first packets were lost at a wrap, when thousands in a row were, and over a change
// of keys; the replay windows (§3.3.2), which nothing enters that did not prove who
// it is; and bounds on what a stranger can make it remember. In steady state nothing
// is allocated.
//
// The package never chooses whether to encrypt, never reads SDP beyond one line, and
// never shows a key: a Key prints as "hidden" whatever the verb. It does no DTLS-SRTP
// (RFC 5764) and no MIKEY (RFC 3830).
package srtp
