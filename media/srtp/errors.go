package srtp

import (
	"errors"
	"strconv"
	"strings"
)

// Errors. They never hold a key or a part of one.
var (
	// ErrUnsupported: a crypto line that is well formed asks for what is not done
	// here. RFC 4568 §5.1.2 has such a line passed over, not the call refused.
	ErrUnsupported = errors.New("srtp: not supported")
	// ErrSyntax: a crypto line is not what RFC 4568 §9 allows.
	ErrSyntax = errors.New("srtp: malformed crypto line")

	// ErrForged: a packet's authentication tag does not fit: it was made or changed
	// by somebody without the key, or is not SRTP at all.
	ErrForged = errors.New("srtp: authentication failed")
	// ErrReplayed: a packet with this index was taken before, or it is so old that
	// this cannot be told.
	ErrReplayed = errors.New("srtp: replayed")
	// ErrMalformed: too short, or no RTP or RTCP header.
	ErrMalformed = errors.New("srtp: malformed packet")
	// ErrShortBuffer: the buffer has no room for the packet and what protection adds.
	ErrShortBuffer = errors.New("srtp: the buffer is too short")
	// ErrExhausted: as many packets as one key may protect (RFC 3711 §9.2): 2^48 of
	// RTP, 2^31 of RTCP.
	ErrExhausted = errors.New("srtp: the key is used up")
	// ErrWiped: the key is gone.
	ErrWiped = errors.New("srtp: the key was wiped")
)

// shown makes a peer's word fit for an error.
func shown(word string) string {
	const longest = 40
	if len(word) > longest {
		word = word[:longest] + "..."
	}
	if strings.Contains(strings.ToLower(word), "inline") { // a key may follow
		return `"(hidden)"`
	}
	return strconv.Quote(word)
}
