package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func converseIncoming(t *testing.T) {
	t.Parallel()
	t.Run("accepted", func(t *testing.T) {
		t.Parallel()
		users.borrow(t, "bob")
		c := converse(t, "incoming-accepted")
		bob := c.device("bob")
		alice := c.call("alice", "01055501002")
		bob.sees("CallArrived")
		bob.tell("AcceptCall", accepted)
		bob.sees("CallEstablished")
		alice.answered().interrupt()
		bob.sees("CallEnded")
		alice.went()
		bob.tell("AcceptCall", accepted) // nothing rings
		bob.idle()
		bob.history(1)
		c.end()
	})
	t.Run("rejected", func(t *testing.T) {
		t.Parallel()
		users.borrow(t, "bob")
		c := converse(t, "incoming-rejected")
		bob := c.device("bob")
		alice := c.call("alice", "bob")
		bob.sees("CallArrived")
		bob.tell("EndCall", anyPlay)
		bob.sees("CallEnded")
		alice.went()
		bob.history(1)
		c.end()
	})
	t.Run("blocked while ringing", func(t *testing.T) {
		t.Parallel()
		users.borrow(t, "bob")
		c := converse(t, "incoming-blocked-while-ringing")
		bob := c.device("bob")
		alice := c.call("alice", "bob")
		bob.sees("CallArrived")
		bob.tell("BlockIncomingCall", anyPlay)
		bob.sees("CallEnded")
		alice.went()
		again := c.call("alice", "bob") // does not even ring
		again.went()
		require.Empty(t, again.all("call.ringing"))
		bob.tell("BlockIncomingCall", anyPlay) // nothing rings
		bob.idle()
		bob.rules(1)
		bob.history(2)
		c.end()
	})
	t.Run("nobody answers", func(t *testing.T) {
		t.Parallel()
		users.borrow(t, "bob")
		c := converse(t, "incoming-nobody-answers")
		bob := c.device("bob", "[phone]", `ring_timeout = "1s"`)
		alice := c.call("alice", "bob")
		bob.sees("CallArrived", "CallEnded")
		alice.went()
		bob.history(1)
		c.end()
	})
	t.Run("second call", func(t *testing.T) {
		t.Parallel()
		users.borrow(t, "bob")
		c := converse(t, "incoming-second-call")
		bob := c.device("bob")
		alice := c.call("alice", "bob")
		bob.sees("CallArrived")
		bob.tell("AcceptCall", accepted)
		bob.sees("CallEstablished")
		carol := c.call("carol", "bob") // finds bob busy
		carol.went()
		bob.tell("EndCall", anyPlay)
		bob.sees("CallEnded")
		alice.went()
		bob.history(2)
		third := c.call("carol", "bob") // is known to have been missed
		bob.sees("CallArrived")
		bob.tell("EndCall", anyPlay)
		bob.sees("CallEnded")
		third.went()
		c.end()
	})
}

// A caller who gave up is missed, and the next call from there says so, until
// one was taken.
func converseMissed(t *testing.T) {
	t.Parallel()
	users.borrow(t, "frank")
	c := converse(t, "missed")
	frank := c.device("frank")
	ring := func(answer bool) {
		alice := c.call("alice", "frank")
		frank.sees("CallArrived")
		if answer {
			frank.tell("AcceptCall", accepted)
			frank.sees("CallEstablished")
			alice.answered()
		}
		alice.interrupt()
		frank.sees("CallEnded")
		alice.went()
	}
	ring(false)
	frank.history(1)
	ring(true) // isRecentMissed is TRUE
	frank.history(2)
	ring(false) // FALSE again
	c.end()
}

// The token of a caller calls back, without the number being told to anybody.
func converseCallBack(t *testing.T) {
	t.Parallel()
	users.borrow(t, "erin", "frank")
	c := converse(t, "call-back")
	erin, frank := c.device("erin"), c.device("frank")
	erin.tell("MakeCall", makeCall(person("Frank", "frank")))
	erin.sees("MakeCallSucceeded")
	arrived := frank.sees("CallArrived")
	erin.tell("EndCall", anyPlay)
	erin.sees("CallEnded")
	frank.sees("CallEnded")
	caller := token(arrived)
	require.NotEmpty(t, caller)
	frank.tell("MakeCall", makeCall(fmt.Sprintf(`{"name":"Erin","type":"CALLER","token":%q}`, caller)))
	frank.sees("MakeCallSucceeded")
	again := erin.sees("CallArrived")
	require.NotEqual(t, caller, token(again), "a token is one arrival's")
	erin.tell("AcceptCall", accepted)
	erin.sees("CallEstablished")
	frank.sees("CallEstablished")
	frank.tell("EndCall", anyPlay)
	frank.sees("CallEnded")
	erin.sees("CallEnded")
	frank.history(2)
	c.end()
}

// Each kind of rule keeps out who it names, before anything rings, and nobody
// else.
func converseBlockNumber(t *testing.T) {
	t.Parallel()
	for _, r := range []struct{ kind, number, out, in string }{
		{"EXACT", "+82 10-5550-1001", "alice", "carol"},
		{"PREFIX", "+82 10 5550 101", "judy", "alice"}, // 01055501012, not 01055501001
		{"POSTFIX", "1001", "alice", "judy"},
	} {
		t.Run(r.kind, func(t *testing.T) {
			t.Parallel()
			users.borrow(t, "bob")
			c := converse(t, "block-number-"+strings.ToLower(r.kind))
			bob := c.device("bob")
			bob.tell("BlockNumber", fmt.Sprintf(`{"playServiceId":"play","number":%q,"blockType":%q}`, r.number, r.kind))
			bob.tell("BlockNumber", fmt.Sprintf(`{"playServiceId":"play","number":%q,"blockType":%q}`, r.number, r.kind)) // as well as once
			bob.idle()
			bob.rules(1)
			blocked := c.call(r.out, "bob")
			blocked.went()
			require.Empty(t, blocked.all("call.ringing"))
			allowed := c.call(r.in, "bob")
			bob.sees("CallArrived")
			bob.tell("EndCall", anyPlay)
			bob.sees("CallEnded")
			allowed.went()
			bob.history(2)
			c.end()
		})
	}
}

// What came before is not run again, and siblings of what is refused are run.
func converseDeliveries(t *testing.T) {
	t.Parallel()
	users.borrow(t, "carol")
	c := converse(t, "deliveries")
	carol := c.device("carol")
	call := directive("MakeCall", "1", makeCall(person("Echo", "600")))
	carol.write(fmt.Sprintf(`{"directive":%s}`, call))
	carol.sees("MakeCallSucceeded", "CallEstablished")
	carol.write(directive("EndCall", "2", anyPlay))
	carol.sees("CallEnded")
	carol.write(call) // seen before
	carol.idle()
	carol.write(fmt.Sprintf(`{"directives":[%s,%s,%s]}`,
		directive("Levitate", "5", anyPlay), directive("MakeCall", "6", makeCall(person("Echo", "600"))), directive("AcceptCall", "7", anyPlay)))
	carol.refuses()
	carol.sees("MakeCallSucceeded", "CallEstablished")
	carol.write(fmt.Sprintf(`{"directives":[%s]}`, directive("EndCall", "8", anyPlay)))
	carol.sees("CallEnded")
	carol.history(2)
	c.end()
}
