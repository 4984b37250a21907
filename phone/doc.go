// Package phone assembles the whole phone: the SIP user agent, the media, the
// dialer, the block rules, the contacts, the store and the directive layer,
// wired as a program or a device needs them. Commands, the control API and
// embedders all start from here, so that screening, the journal and the history
// are the same however a call is made or answered.
//
//	Phone
//	 ├─ sip.UserAgent     accounts come and go at run time
//	 ├─ dialer.Dialer     calls; screening by blocklist before any ringing
//	 ├─ media.Pacer       ticks of 10 ms for every call
//	 ├─ agent.Agent       PhoneCall directives, for accounts in phone mode
//	 ├─ phonebook.Book    contacts, for candidates and the names of callers
//	 └─ store.Store       contacts, rules, history, and the journal of all events
//
// It holds no protocol of its own: what a call does is the dialer's, what a
// directive means is the agent's.
package phone
