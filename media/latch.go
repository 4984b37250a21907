package media

import (
	"net/netip"
	"time"
)

const (
	// formerGuard is how long packets still under way from the source before
	// cannot be taken for the first of a newly described one.
	formerGuard = 500 * time.Millisecond

	// rivalGuard is how long a learned source must be silent before, after a
	// description with the same address, another may take its place.
	rivalGuard = 250 * time.Millisecond

	// describedGuard is how long a learned source must be silent before the
	// described address, which was not the learned one, is believed after all.
	// Else one stray packet at the start would silence the call for good.
	describedGuard = time.Second

	// claimPackets is how many packets of a source that has a right to the stream
	// take it back from one that has none, and claimGap how far they may be apart.
	claimPackets = 3
	claimGap     = time.Second
)

// latch is symmetric RTP (RFC 4961): media goes to where the first valid packet
// after a description came from, and only that source is heard.
//
//	describe(A) ── send to A, hear anyone ──▶ packet from B ── send to B, hear B
//	     ▲                                                          │
//	     └──────────────── next description ────────────────────────┘
//
// The first packet may be an attacker's, who sends to every port in sight. So a
// latch to an address that nobody described holds only as long as no better one
// speaks: a few packets from the described address, or from the one learned before
// under the same description, take the stream back, however loud the other is.
type latch struct {
	described netip.AddrPort
	learned   netip.AddrPort // zero: none
	open      bool           // the next valid packet latches
	heard     time.Duration  // when learned was last heard

	former      netip.AddrPort
	formerUntil time.Duration

	proven  netip.AddrPort // learned before under the same description; zero: none
	claims  int            // packets of a better source, not heard
	claimed time.Duration  // when the last of them came
}

// describe takes the address of a new description. One without an address (hold
// as in RFC 2543) changes nothing. A new address forgets the learned one; the
// same one keeps sending to it and prefers it.
func (l *latch) describe(remote netip.AddrPort, now time.Duration) {
	if !remote.IsValid() {
		return
	}
	l.open = true
	if remote == l.described {
		if l.learned.IsValid() {
			l.proven = l.learned
		}
		return
	}
	l.proven, l.claims = netip.AddrPort{}, 0
	l.former, l.formerUntil = l.learned, now+formerGuard
	l.described, l.learned = remote, netip.AddrPort{}
}

// target is where to send; zero before the first description.
func (l *latch) target() netip.AddrPort {
	if l.learned.IsValid() {
		return l.learned
	}
	return l.described
}

// admits says whether a packet from there may be heard.
func (l *latch) admits(from netip.AddrPort, at time.Duration) bool {
	switch {
	case from == l.learned:
		return true
	case !l.open:
		return l.better(from) && (at-l.heard > describedGuard || l.claim(at))
	case from == l.described:
		return !l.learned.IsValid() || at-l.heard > rivalGuard
	case from == l.former && at < l.formerUntil:
		return false
	}
	return !l.learned.IsValid() || at-l.heard > rivalGuard
}

// better says whether a source has more right to the stream than the learned one.
func (l *latch) better(from netip.AddrPort) bool {
	return from == l.described || from == l.proven && l.learned != l.described
}

// claim counts a packet of a better source and says whether there were enough.
func (l *latch) claim(at time.Duration) bool {
	if at-l.claimed > claimGap {
		l.claims = 0
	}
	l.claims++
	l.claimed = at
	return l.claims >= claimPackets
}

// take latches to the source of a valid packet that was admitted, and says
// whether that is a change.
func (l *latch) take(from netip.AddrPort, at time.Duration) bool {
	changed := from != l.learned
	if changed {
		l.claims = 0
	}
	l.learned, l.heard, l.open = from, at, false
	return changed
}
