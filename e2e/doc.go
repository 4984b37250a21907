// Package e2e tests the softphone over real sockets against other people's
// programs: Asterisk in a container, baresip, linphone, SIPp and tshark. Nearly all
// tests drive the built program as a user would, by its command line, and judge it by
// its exit code, its JSON lines, its recordings, and what the peer saw.
//
// A test's name says what it needs: TestAsterisk_, TestBaresip_, TestLinphone_,
// TestSIPp_, TestTshark_ (Asterisk as well), TestBaresipAsterisk_; TestRoaming_ network
// namespaces; TestProgram_ nothing. With E2E=auto, the default, tests whose programs are not found are
// left out and one line says so; with E2E=required that is a failure; E2E=off
// leaves all out. RACE=1 builds the program with the race detector. SOAK=10m
// runs TestSoak_, which is left out otherwise, and ATTEMPTS=200 TestAttempts_.
//
// Tests that judge all of a sound run one at a time, since a phone that gets no processor
// in time sends and plays late, and rightly adapts; the others run side by side.
//
// Everything stays on the loopback network, on ports that were free at the start, or in
// namespaces that reach nothing else.
package e2e
