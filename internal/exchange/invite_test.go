package exchange

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBridge_CallerIdentity(t *testing.T) {
	hook := func(user, from string) (string, string) {
		if from == "spoof" {
			return "07012345678", "Spam"
		}
		return user, ""
	}
	for _, tc := range []struct {
		name, from, privacy string
		hook                func(string, string) (string, string)
		pai, shown          string
	}{
		{"an alias", "0212345678", "", nil, `"Alice" <sip:0212345678@exchange>`, "0212345678"},
		{"somebody else's number", "bob", "", nil, `"Alice" <sip:alice@exchange>`, "alice"},
		{"the hook", "spoof", "", hook, `"Spam" <sip:07012345678@exchange>`, "07012345678"},
		{"private", "anonymous", "id", nil, "", "anonymous"},
	} {
		withPair(t, func(c *Config) { c.CallerID = tc.hook }, func(p *pair) {
			name := p.alice.name
			a := p.alice.callAs(tc.from, "bob", tc.privacy)
			p.alice.name = name
			invite := p.bob.request("INVITE")
			assert.Equal(t, tc.pai, headerValue(invite, "P-Asserted-Identity"), tc.name)
			assert.Equal(t, tc.shown, invite.From().Address.User, tc.name)
			p.bob.accept(invite).answer(invite, 603, "")
			a.ackRefusal(p.alice.response(603))
		})
	}
}

// callAs calls with another user in From than in the credentials.
func (p *phone) callAs(from, to, privacy string) *talk {
	uri := "sip:" + to + "@exchange"
	var lines []string
	if privacy != "" {
		lines = append(lines, "Privacy: "+privacy)
	}
	c := &talk{p: p, local: fmt.Sprintf("<sip:%s@exchange>;tag=%s", from, token()), remote: "<" + uri + ">", callID: token(), target: uri, seq: 2}
	p.write([]byte(p.message("INVITE", uri, c.local, c.remote, c.callID, 1, "", lines...)))
	res := p.response(407)
	c.ackRefusal(res)
	lines = append(lines, p.credentials(res, "INVITE", uri))
	p.write([]byte(p.message("INVITE", uri, c.local, c.remote, c.callID, 2, "", lines...)))
	return c
}

func TestBridge_RefusesWhatItCannotServe(t *testing.T) {
	withPair(t, nil, func(p *pair) {
		for lines, code := range map[string]int{"Require: 100rel": 420, "Max-Forwards: 0": 483} {
			msg := p.alice.message("INVITE", "sip:bob@exchange", "<sip:alice@exchange>;tag=1", "<sip:bob@exchange>", token(), 1, "", lines)
			if code == 483 {
				msg = strings.Replace(msg, "Max-Forwards: 70\r\n", "", 1)
			}
			p.alice.write([]byte(msg))
			p.alice.response(code)
		}
		p.ex.SetFailing(503)
		p.alice.write([]byte(p.alice.message("INVITE", "sip:bob@exchange", "<sip:alice@exchange>;tag=1", "<sip:bob@exchange>", token(), 1, "")))
		p.alice.response(503)
		p.alice.password = "wrong"
		p.ex.SetFailing(0)
		c := p.alice.call("bob", "")
		res := p.alice.final()
		assert.Equal(t, 403, res.StatusCode)
		c.ackRefusal(res)
	})
}
