package agent

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Telephone is what the agent asks of the calls below it. None of the methods
// may block: what becomes of a request is told by dialer events, handed back
// through Observe.
type Telephone interface {
	// Dial begins a call and returns its id. An error means that no call came to
	// be.
	Dial(to Callee, speaker bool) (callID string, err error)
	// Answer accepts the ringing call.
	Answer(callID string, speaker bool) error
	// Hangup cancels, rejects or ends the call, whatever its state.
	Hangup(callID string) error
	// Busy sends a ringing call away as busy.
	Busy(callID string) error
	// BlockCaller makes a rule for the ringing call's number, as Rules.Block does.
	// A nil keep: it has no number.
	BlockCaller(callID string) (keep func(context.Context) error, err error)
}

// Callee is whom MakeCall calls, for the call and for the history.
type Callee struct {
	Number string     // or a user name, or a SIP URI
	Name   string     // as the directive said it; not sent to the other side
	Type   PersonType // as the directive said it
	Label  Label      // of the number; may be empty
}

// ErrRulesFull is what keeping a rule fails with when numberBlockable is FALSE.
var ErrRulesFull = errors.New("no further number can be blocked (numberBlockable is FALSE); remove some rules first")

// What a device brings. Each is called from the agent's own goroutine, in
// order, must not block, and must not call the agent's methods from within.
type (
	// Focus tells the device when the phone needs the loudspeaker and microphone
	// for a call, and when it needs them no longer. It is not held while a call
	// rings, because that would silence the spoken name of the caller.
	Focus func(held bool)

	// AudioRoute opens the loudspeaker (true) or goes back to the usual route
	// (false). It is told before a SPEAKER call is made, before a call is
	// accepted with speakerPhone, and at the end of such a call. A call goes on
	// though its route could not be had; the error is logged.
	AudioRoute func(speaker bool) error

	// Permission returns why the device allows no outgoing call, or nil.
	Permission func() error

	// Surroundings is what the device's other interfaces add to the context of
	// CallArrived and CandidatesListed, by namespace.
	Surroundings func() map[string]json.RawMessage
)

// Display shows candidates, on a screen or in speech. The device reports with
// Agent.HideCandidates that they are seen no longer.
type Display interface {
	// Show takes the place of what was shown before. The list may be empty; it
	// must not be changed.
	Show(t Template)
	// Release takes away what is shown.
	Release()
}

// Query is a search for people.
type Query struct {
	Name  string
	Label string // free speech: 집, 회사, mobile, ...; empty: a mobile number is preferred
	Limit int
}

// Match is somebody found. Person is complete: its token, and every number, the
// one that was meant first.
type Match struct {
	Person Person
	Score  float64 // 0 to 1
	Exact  bool    // the name is exactly the one that was sought
}

// Book is the contacts as the directive layer reads them. Numbers may come in
// any spelling. A search may take some milliseconds and no longer.
type Book interface {
	// Search returns who fits, best first, at most q.Limit.
	Search(ctx context.Context, q Query) ([]Match, error)
	// ByToken returns the contact with that token.
	ByToken(ctx context.Context, token string) (Person, bool)
	// ByNumber returns the contact with that number; its Contacts are that
	// number alone, as it is kept.
	ByNumber(ctx context.Context, number string) (Person, bool)
}

// PastCall is one call of the history.
type PastCall struct {
	Number   string     // empty: withheld
	Name     string     // as the call or the directive brought it; may be empty
	Person   PersonType // of the Callee; empty where there was none
	Label    Label      // likewise
	Time     time.Time
	Type     HistoryType
	CallType CallType
}

// Past is what the history knows of one or more numbers of a person.
type Past struct {
	Newest   *PastCall // nil: none
	Outgoing int       // how many calls went out
}

// History is the calls of the past as the directive layer reads them.
type History interface {
	// Recent returns the newest call of each number, newest first, of these
	// types only (none: all of them), at most limit. Withheld numbers are left
	// out.
	Recent(ctx context.Context, types []HistoryType, limit int) ([]PastCall, error)
	// About returns what is known of each list of numbers, in the same order.
	About(ctx context.Context, people [][]string) ([]Past, error)
}

// Rules is the block rules as the directive layer uses them. No method may
// block.
type Rules interface {
	// Check says what is wrong with a number for a rule of that type, such as
	// *blocklist.PatternError, or nil.
	Check(t BlockType, number string) error
	// Block makes a rule, which Check passed, that holds from now on. The
	// function it returns keeps the rule durably; it is called once, from another
	// goroutine, and may take seconds. A rule that was not kept holds no longer.
	Block(t BlockType, number string) (keep func(context.Context) error)
	// Blocked reports whether a rule refuses calls of that number.
	Blocked(number string) bool
	// Blockable reports whether another rule may be kept.
	Blockable() bool
}
