package sip

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"
)

// Replaces names a dialog whose place a new call takes (RFC 3891 §6.1), as the
// one who receives it sees that dialog.
//
//	alice ---- call 1 ---- bob            carol sends INVITE to alice with
//	alice ---- call 2 ---- carol          Replaces: the dialog alice has with bob
type Replaces struct {
	CallID  string
	ToTag   string // the receiver's own tag
	FromTag string // the tag of the one who is replaced
	// EarlyOnly asks to replace the dialog only while it is not answered.
	EarlyOnly bool
}

// maxReplaces bounds a Replaces value in bytes.
const maxReplaces = 1024

// ParseReplaces reads the value of a Replaces header field. The error says what
// is wrong with it.
func ParseReplaces(s string) (Replaces, error) {
	if len(s) > maxReplaces || hasControl(s) {
		return Replaces{}, fmt.Errorf("Replaces of %d bytes is too long or holds a control character", len(s))
	}
	parts := splitUnquoted(s, ';')
	r := Replaces{CallID: strings.TrimSpace(parts[0])}
	if !isCallID(r.CallID) {
		return Replaces{}, fmt.Errorf("Replaces: %q is no Call-ID", r.CallID)
	}
	for _, p := range parts[1:] {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		value = strings.TrimSpace(value)
		field := (*string)(nil)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "to-tag":
			field = &r.ToTag
		case "from-tag":
			field = &r.FromTag
		case "early-only":
			r.EarlyOnly = true
			continue
		default:
			continue
		}
		if *field != "" || !isToken(value) {
			return Replaces{}, fmt.Errorf("Replaces: %q is no tag, or one too many", value)
		}
		*field = value
	}
	if r.ToTag == "" || r.FromTag == "" {
		return Replaces{}, errors.New("Replaces needs one to-tag and one from-tag")
	}
	return r, nil
}

// isCallID reports callid of RFC 3261 §25.1: word [ "@" word ].
func isCallID(s string) bool {
	if s == "" || strings.Count(s, "@") > 1 || s[0] == '@' || s[len(s)-1] == '@' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && strings.IndexByte("@-.!%*_+`'~()<>:\\\"/[]?{}", c) < 0 {
			return false
		}
	}
	return true
}

// String writes the header field's value.
func (r Replaces) String() string {
	s := r.CallID + ";to-tag=" + r.ToTag + ";from-tag=" + r.FromTag
	if r.EarlyOnly {
		s += ";early-only"
	}
	return s
}

// Replaces names the dialog as its peer knows it, so that somebody else can
// take our place in it.
func (d *Dialog) Replaces() Replaces {
	return Replaces{CallID: d.callID, ToTag: d.remoteTag, FromTag: d.localTag}
}

// Target is where the peer of the dialog is reached: its Contact.
func (d *Dialog) Target() URI {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fromUri(&d.target)
}

// Account is the account the dialog belongs to. A call that came for nobody in
// particular gives one with the user that was called and no password.
func (d *Dialog) Account() Account {
	a := d.account
	if a.User == "" {
		a.User = fromUri(&d.from).User
	}
	return a
}

// Replaced is the dialog whose place the caller wants to take (RFC 3891); nil
// for an ordinary call. Who accepts the invitation ends that dialog: with Bye
// when it is confirmed, by Cancel of its INVITE while it is early.
func (i *Invitation) Replaced() *Dialog { return i.replaced }

// replacedBy finds what an INVITE wants to replace. A code other than 0 refuses
// the INVITE, in the order of RFC 3891 §3: 400 for more than one Replaces, 481
// for no such dialog and for one that rings here, 603 for one that is over, 486
// for an answered one when only an early one was meant.
//
// Nobody is asked for credentials: who knows the Call-ID and both tags of a
// dialog has seen its messages, or was told by somebody who did.
func (ua *UserAgent) replacedBy(req *sipmsg.Request) (*Dialog, int) {
	values := tokens(headerValues(req, "Replaces"))
	switch {
	case len(values) == 0:
		return nil, 0
	case len(values) > 1 || len(headerValues(req, "Join")) > 0:
		return nil, 400
	}
	r, err := ParseReplaces(values[0])
	if err != nil {
		return nil, 400
	}
	d := ua.findDialog(r.CallID, r.ToTag, r.FromTag)
	if d == nil && r.FromTag == "0" { // a peer of RFC 2543 that gave no tag (RFC 3891 §6.1)
		d = ua.findDialog(r.CallID, r.ToTag, "")
	}
	if d == nil {
		if ua.lately.has(dialogID(r.CallID, r.ToTag, r.FromTag)) {
			return nil, 603
		}
		return nil, 481
	}
	d.mu.Lock()
	state := d.state
	d.mu.Unlock()
	switch {
	case state == ended:
		return nil, 603
	case state == early && !d.caller:
		return nil, 481
	case state != early && r.EarlyOnly:
		return nil, 486
	}
	return d, 0
}

// lateDialogs remembers the dialogs that ended last, to tell one that is over
// from one that never was.
type lateDialogs struct {
	mu   sync.Mutex
	keys [256]string
	next int
}

func (l *lateDialogs) add(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys[l.next] = key
	l.next = (l.next + 1) % len(l.keys)
}

func (l *lateDialogs) has(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.keys {
		if k == key {
			return true
		}
	}
	return false
}
