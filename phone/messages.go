package phone

import (
	"maps"
	"time"

	"github.com/softphone-go/softphone/sip"
)

// MessagesEvent is the data of account.messages: what waits in the mailbox of an
// account (RFC 3842).
type MessagesEvent struct {
	Account string `json:"account"`
	Waiting bool   `json:"waiting"`
	// Voice messages, when the PBX counts them; the urgent ones are part of both.
	New       int `json:"new"`
	Old       int `json:"old"`
	UrgentNew int `json:"urgent_new,omitempty"`
	UrgentOld int `json:"urgent_old,omitempty"`
}

// messagesOf is a summary as the journal has it.
func messagesOf(accountID string, m sip.MessageSummary) MessagesEvent {
	v := m.Voice()
	return MessagesEvent{
		Account: accountID, Waiting: m.Waiting,
		New: v.New, Old: v.Old, UrgentNew: v.UrgentNew, UrgentOld: v.UrgentOld,
	}
}

// messages takes every summary of waiting messages. The journal has those that
// say something new.
func (p *Phone) messages(accountID string, m sip.MessageSummary) {
	p.accounts.mu.Lock()
	acc, ok := p.accounts.byID[accountID]
	news := ok && (acc.messages == nil || acc.messages.Waiting != m.Waiting || !maps.Equal(acc.messages.Counts, m.Counts))
	if ok {
		acc.messages = &m
	}
	p.accounts.mu.Unlock()
	if !news {
		return
	}
	ev := messagesOf(accountID, m)
	p.append(TypeMessages, "accounts/"+accountID, time.Now(), ev, nil)
	if p.cfg.Messages != nil {
		p.cfg.Messages(ev)
	}
}
