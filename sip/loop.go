package sip

// loopedLocked tells whether an INVITE outside any dialog must be answered 482;
// ua.mu is held. It has come over another path already, and rings or is
// answered (RFC 3261 §8.2.2.2), or it is our own on its way back to the account
// that sent it, which would be engaged with itself.
//
// Max-Forwards 0 is no reason to refuse: only who forwards counts hops, and a
// phone is where the request was to go (RFC 3261 §16.3, RFC 4475 §3.3.11).
func (ua *UserAgent) loopedLocked(i *Invitation) bool {
	if ua.invitations[i.key] != nil {
		return true
	}
	id, from := i.CallID(), tagOf(i.req.From().Params)
	if c := ua.invites[id+"\x00"+from]; c != nil && (i.reg == nil || i.account.id() == c.in.Account.id()) {
		return true
	}
	for _, d := range ua.dialogs {
		if d.caller || d.callID != id || d.remoteTag != from {
			continue
		}
		d.mu.Lock()
		same := d.inviteSeq == i.req.CSeq().SeqNo
		d.mu.Unlock()
		if same {
			return true
		}
	}
	return false
}
