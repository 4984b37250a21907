package e2e

import (
	"testing"
	"time"
)

// registerAtSIPp lets the phone register at SIPp, and take it back.
func registerAtSIPp(t *testing.T, scenario string) {
	t.Helper()
	s := startSIPp(t, scenario)
	p := softphone(t, "register", "--json", "--server", loopback(s.port).String(), "--user", "alice", "--duration", "200ms")
	p.done(sippLimit)
	s.passed(10 * time.Second)
}

func TestSIPp_TwoDigestAlgorithms_RFC8760(t *testing.T) {
	t.Parallel()
	registerAtSIPp(t, "register-two-algorithms.xml")
}

func TestSIPp_Register423_RFC3261_10_2_8(t *testing.T) {
	t.Parallel()
	registerAtSIPp(t, "register-423.xml")
}

func TestSIPp_NonceChangedWithoutStale_RFC7616_3_3(t *testing.T) {
	t.Parallel()
	registerAtSIPp(t, "register-nonce-changed.xml")
}
