package e2e

import (
	"strings"
	"testing"
)

// The conversations run side by side, but beside no test that judges sound:
// the phones they start would take the processor from it.
func TestAsterisk_PhoneCall(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"ByContactName", converseByContactName},
		{"TwoCandidates", converseTwoCandidates},
		{"Redial", converseRedial},
		{"MissedCandidates", converseMissedCandidates},
		{"BlockCandidate", converseBlockCandidate},
		{"CandidatesOfTheServer", converseCandidatesOfTheServer},
		{"Incoming", converseIncoming},
		{"Missed", converseMissed},
		{"CallBack", converseCallBack},
		{"BlockNumber", converseBlockNumber},
		{"Deliveries", converseDeliveries},
		{"Outgoing", converseOutgoing},
		{"TypesOfCall", converseTypesOfCall},
		{"NothingToDial", converseNothingToDial},
		{"MakeCallDuringACall", converseMakeCallDuringACall},
		{"EndCall", converseEndCall},
		{"Malformed", converseMalformed},
	} {
		t.Run(c.name, c.run)
	}
}

func converseOutgoing(t *testing.T) {
	t.Parallel()
	t.Run("answered", func(t *testing.T) {
		t.Parallel()
		users.borrow(t, "alice", "bob")
		c := converse(t, "outgoing-answered")
		alice, bob := c.device("alice"), c.device("bob")
		alice.tell("MakeCall", makeCall(person("Bob", "010-5550-1002")))
		alice.sees("MakeCallSucceeded")
		bob.sees("CallArrived")
		bob.tell("AcceptCall", accepted)
		bob.sees("CallEstablished")
		alice.sees("CallEstablished")
		bob.tell("EndCall", anyPlay)
		bob.sees("CallEnded")
		alice.sees("CallEnded")
		alice.history(1)
		bob.history(1)
		c.end()
	})
	t.Run("busy", func(t *testing.T) { outgoing(t, "outgoing-busy", "602") })
	t.Run("declined", func(t *testing.T) { outgoing(t, "outgoing-declined", "605") })
	t.Run("no answer", func(t *testing.T) {
		outgoing(t, "outgoing-no-answer", "603", "[phone]", `ring_timeout = "1s"`)
	})
	t.Run("unknown", func(t *testing.T) { outgoing(t, "outgoing-unknown", "999") })
}

// outgoing is a call to an extension of the PBX that comes to nothing.
func outgoing(t *testing.T, name, number string, config ...string) {
	t.Parallel()
	users.borrow(t, "carol")
	c := converse(t, name)
	carol := c.device("carol", config...)
	carol.tell("MakeCall", makeCall(person("Nobody", number)))
	carol.sees("MakeCallSucceeded", "CallEnded")
	carol.history(1)
	c.end()
}

func converseTypesOfCall(t *testing.T) {
	t.Parallel()
	users.borrow(t, "dave")
	c := converse(t, "types-of-call")
	dave := c.device("dave")
	for _, kind := range []string{"VIDEO", "CALLAR", "HOLOGRAM"} {
		dave.tell("MakeCall", strings.Replace(makeCall(person("Echo", "600")), "NORMAL", kind, 1))
		dave.sees("MakeCallFailed")
	}
	dave.tell("MakeCall", strings.Replace(makeCall(person("Echo", "600")), "NORMAL", "SPEAKER", 1))
	dave.sees("MakeCallSucceeded", "CallEstablished")
	dave.tell("EndCall", anyPlay)
	dave.sees("CallEnded")
	dave.history(1)
	c.end()
}

// A call that cannot even be begun is MakeCallFailed, and no CallEnded.
func converseNothingToDial(t *testing.T) {
	t.Parallel()
	users.borrow(t, "dave")
	c := converse(t, "nothing-to-dial")
	dave := c.device("dave")
	dave.tell("MakeCall", makeCall(`{"name":"Somebody","type":"CONTACT"}`))
	dave.sees("MakeCallFailed")
	dave.tell("MakeCall", makeCall(`{"name":"Somebody","type":"CONTACT","token":"of-long-ago"}`))
	dave.sees("MakeCallFailed")
	dave.tell("MakeCall", makeCall(`{"name":"Somebody","type":"CONTACT","contacts":[{"label":"MOBILE"},{"number":600}]}`))
	dave.sees("MakeCallFailed")
	dave.history(0)
	c.end()
}

func converseMakeCallDuringACall(t *testing.T) {
	t.Parallel()
	users.borrow(t, "erin", "frank")
	c := converse(t, "make-call-during-a-call")
	erin, frank := c.device("erin"), c.device("frank")
	echo := makeCall(person("Echo", "600"))
	erin.tell("MakeCall", makeCall(person("Frank", "01055501006")))
	erin.sees("MakeCallSucceeded")
	frank.sees("CallArrived")
	erin.tell("MakeCall", echo) // while OUTGOING
	erin.refuses()
	frank.tell("MakeCall", echo) // while INCOMING
	frank.refuses()
	frank.tell("AcceptCall", accepted)
	frank.sees("CallEstablished")
	erin.sees("CallEstablished")
	erin.tell("MakeCall", echo) // while ESTABLISHED
	erin.refuses()
	frank.tell("MakeCall", strings.Replace(echo, "NORMAL", "VIDEO", 1))
	frank.refuses()
	erin.tell("EndCall", anyPlay) // the call was not touched
	erin.sees("CallEnded")
	frank.sees("CallEnded")
	erin.tell("MakeCall", echo)
	erin.sees("MakeCallSucceeded", "CallEstablished")
	erin.tell("EndCall", anyPlay)
	erin.sees("CallEnded")
	erin.history(2)
	c.end()
}

func converseEndCall(t *testing.T) {
	t.Parallel()
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		users.borrow(t, "dave")
		c := converse(t, "end-call-idle")
		dave := c.device("dave")
		dave.tell("EndCall", anyPlay)
		dave.idle()
		dave.history(0)
		c.end()
	})
	t.Run("outgoing", func(t *testing.T) {
		t.Parallel()
		users.borrow(t, "carol")
		c := converse(t, "end-call-outgoing")
		carol := c.device("carol")
		carol.tell("MakeCall", makeCall(person("Nobody", "603")))
		carol.sees("MakeCallSucceeded")
		carol.tell("EndCall", anyPlay)
		carol.sees("CallEnded")
		carol.history(1)
		asterPB.waitIdle(t, "carol")
		c.end()
	})
	t.Run("incoming", func(t *testing.T) {
		t.Parallel()
		users.borrow(t, "dave")
		c := converse(t, "end-call-incoming")
		dave := c.device("dave")
		alice := c.call("alice", "dave")
		dave.sees("CallArrived")
		dave.tell("EndCall", anyPlay)
		dave.sees("CallEnded")
		alice.went()
		dave.history(1)
		c.end()
	})
	t.Run("established", func(t *testing.T) {
		t.Parallel()
		users.borrow(t, "dave")
		c := converse(t, "end-call-established")
		dave := c.device("dave")
		alice := c.call("alice", "dave")
		dave.sees("CallArrived")
		dave.tell("AcceptCall", accepted)
		dave.sees("CallEstablished")
		dave.tell("EndCall", anyPlay)
		dave.sees("CallEnded")
		alice.went()
		dave.tell("EndCall", anyPlay) // again, and nothing is said of it
		dave.idle()
		dave.history(1)
		c.end()
	})
}
