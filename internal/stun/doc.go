// Package stun asks where a UDP port is seen from outside: the Binding method of STUN
// (RFC 8489) in its plainest form, without authentication, as RFC 5626 §8 uses it for
// keep-alives and phones use it to find their address beyond a NAT.
//
//	we, at 10.0.0.7:5060      NAT            server
//	    Request        ->  203.0.113.5:40001  ->
//	    203.0.113.5:40001                     <-  XOR-MAPPED-ADDRESS
//
// It is pure: sockets and times belong to its users, sip and media, which know
// nothing of each other.
package stun
