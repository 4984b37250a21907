package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/phonebook"
	"github.com/softphone-go/softphone/store"
)

// deviceWith starts the phone of a user who has contacts.
func (c *conversation) deviceWith(user string, contacts ...phonebook.Contact) *device {
	c.t.Helper()
	dir := c.t.TempDir()
	s, err := store.Open(c.t.Context(), filepath.Join(dir, "softphone.db"), store.Options{})
	require.NoError(c.t, err)
	plan, err := number.New("KR")
	require.NoError(c.t, err)
	book, err := phonebook.Open(c.t.Context(), plan, s.Contacts())
	require.NoError(c.t, err)
	for _, contact := range contacts {
		_, err := book.Put(c.t.Context(), contact)
		require.NoError(c.t, err)
	}
	require.NoError(c.t, s.Close())
	return c.deviceIn(dir, user)
}

// lists asks for candidates and returns those that were listed.
func (d *device) lists(payload string) []agent.Person {
	d.c.t.Helper()
	d.tell("SendCandidates", payload)
	raw, err := json.Marshal(d.sees("CandidatesListed"))
	require.NoError(d.c.t, err)
	var event struct{ Context agent.Context }
	require.NoError(d.c.t, json.Unmarshal(raw, &event))
	require.NotNil(d.c.t, event.Context.PhoneCall.Template)
	return event.Context.PhoneCall.Template.Candidates
}

func wanted(intent, name string) string {
	return fmt.Sprintf(`{"playServiceId":"play","intent":%q,"callType":"NORMAL","recipientIntended":{"name":%q}}`, intent, name)
}

// byToken is a recipient that the phone alone knows how to reach.
func byToken(p agent.Person) string {
	return fmt.Sprintf(`{"name":%q,"type":"CONTACT","token":%q}`, p.Name, p.Token)
}

func mobile(name, number string) phonebook.Contact {
	return phonebook.Contact{Name: name, Entries: []phonebook.Entry{{Label: phonebook.Mobile, Number: number}}}
}

// talk is a call that carol makes and the PBX's echo, or a phone, answers.
func (d *device) talk(recipient string) {
	d.c.t.Helper()
	d.tell("MakeCall", makeCall(recipient))
	d.sees("MakeCallSucceeded", "CallEstablished")
	d.tell("EndCall", anyPlay)
	d.sees("CallEnded")
}

func converseByContactName(t *testing.T) {
	t.Parallel()
	users.borrow(t, "carol")
	c := converse(t, "call-by-contact-name")
	dir := t.TempDir()
	cards := filepath.Join(dir, "contacts.vcf")
	require.NoError(t, os.WriteFile(cards, []byte(strings.ReplaceAll(`BEGIN:VCARD
VERSION:3.0
FN:Echo
TEL;TYPE=CELL:600
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:Milliwatt
TEL;TYPE=cell:607
END:VCARD
`, "\n", "\r\n")), 0o600))
	imported := softphone(t, "contacts", "import", "--data-dir", dir, cards)
	require.Equal(t, exitDone, imported.wait(soon))
	carol := c.deviceIn(dir, "carol")
	found := carol.lists(wanted("CALL", "echo"))
	require.Len(t, found, 1)
	carol.talk(byToken(found[0]))
	carol.talk(`{"name":"Milliwatt","type":"CONTACT"}`) // a name alone will do
	nobody := carol.lists(wanted("CALL", "zzyzx"))
	require.Empty(t, nobody)
	carol.history(2)
	c.end()
}

func converseTwoCandidates(t *testing.T) {
	t.Parallel()
	users.borrow(t, "carol", "dave")
	c := converse(t, "two-candidates")
	dave := c.device("dave")
	carol := c.deviceWith("carol", mobile("김민수", "010-5550-1002"),
		phonebook.Contact{Name: "박민수", Entries: []phonebook.Entry{{Label: phonebook.Company, Number: "01055501004"}}},
		mobile("이영희", "010-5550-1005"))
	found := carol.lists(wanted("CALL", "민수"))
	require.Len(t, found, 2)
	chosen := found[0]
	if chosen.Name != "박민수" {
		chosen = found[1]
	}
	carol.tell("MakeCall", makeCall(byToken(chosen)))
	carol.sees("MakeCallSucceeded")
	dave.sees("CallArrived")
	dave.tell("AcceptCall", accepted)
	dave.sees("CallEstablished")
	carol.sees("CallEstablished")
	carol.tell("EndCall", anyPlay)
	carol.sees("CallEnded")
	dave.sees("CallEnded")
	carol.history(1)
	c.end()
}

func converseRedial(t *testing.T) {
	t.Parallel()
	users.borrow(t, "carol")
	c := converse(t, "redial")
	carol := c.device("carol")
	require.Empty(t, carol.lists(`{"playServiceId":"play","intent":"REDIAL"}`), "nobody was called yet")
	carol.talk(person("Milliwatt", "607"))
	carol.talk(person("Echo", "600"))
	last := carol.lists(`{"playServiceId":"play","intent":"REDIAL"}`)
	require.Len(t, last, 1)
	carol.talk(byToken(last[0]))
	rows := carol.history(3)
	require.Equal(t, "600", rows[0].Number)
	c.end()
}

// Who was missed is listed, and called back by the token.
func converseMissedCandidates(t *testing.T) {
	t.Parallel()
	users.borrow(t, "frank", "erin")
	c := converse(t, "missed-candidates")
	frank, erin := c.deviceWith("frank", mobile("에린", "010-5550-1005")), c.device("erin")
	erin.tell("MakeCall", makeCall(person("Frank", "01055501006")))
	erin.sees("MakeCallSucceeded")
	frank.sees("CallArrived") // with the name in the contacts
	erin.tell("EndCall", anyPlay)
	erin.sees("CallEnded")
	frank.sees("CallEnded")
	frank.history(1)
	missed := frank.lists(`{"playServiceId":"play","intent":"MISSED"}`)
	require.Len(t, missed, 1)
	frank.tell("MakeCall", makeCall(byToken(missed[0])))
	frank.sees("MakeCallSucceeded")
	erin.sees("CallArrived")
	erin.tell("EndCall", anyPlay)
	erin.sees("CallEnded")
	frank.sees("CallEnded")
	frank.history(2)
	frank.lists(`{"playServiceId":"play","intent":"HISTORY"}`)
	c.end()
}

// Who called is listed with the number, which BlockNumber needs, and as blocked
// afterwards.
func converseBlockCandidate(t *testing.T) {
	t.Parallel()
	users.borrow(t, "frank")
	c := converse(t, "block-candidate")
	frank := c.device("frank")
	first := c.call("alice", "frank")
	frank.sees("CallArrived")
	frank.tell("EndCall", anyPlay)
	frank.sees("CallEnded")
	first.went()
	frank.history(1)
	listed := frank.lists(`{"playServiceId":"play","intent":"BLOCK"}`)
	require.Len(t, listed, 1)
	require.Len(t, listed[0].Contacts, 1)
	frank.tell("BlockNumber", fmt.Sprintf(`{"playServiceId":"play","number":%q,"blockType":"EXACT"}`, listed[0].Contacts[0].Number))
	frank.lists(`{"playServiceId":"play","intent":"BLOCK"}`)
	c.call("alice", "frank").went()
	frank.history(2)
	frank.rules(1)
	c.end()
}

// Candidates of the server are merged with those of the phone.
func converseCandidatesOfTheServer(t *testing.T) {
	t.Parallel()
	users.borrow(t, "carol")
	c := converse(t, "candidates-of-the-server")
	carol := c.deviceWith("carol", mobile("Echo", "600"))
	found := carol.lists(`{"playServiceId":"play","intent":"CALL","callType":"NORMAL","recipientIntended":{"name":"echo"},` +
		`"searchScene":"T114INCLUDE","interactionControl":{"mode":"MULTI_TURN"},` +
		`"candidates":[{"name":"Echo Bakery","type":"T114","score":"0.8","poiId":"poi-7","contacts":[{"label":"COMPANY","number":"607"}]}]}`)
	require.Len(t, found, 2)
	for _, p := range found {
		if p.Type == agent.PersonT114 {
			require.Len(t, p.Contacts, 1)
			carol.talk(person(p.Name, p.Contacts[0].Number))
		}
	}
	carol.history(1)
	c.end()
}
