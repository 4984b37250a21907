// Package phonebook keeps contacts and finds them by what somebody said.
//
// A Book is an index in memory over contacts that a Store keeps durably. It
// finds names that are equal, that begin with or contain what was said, by the
// initial consonants of Korean syllables (ㄱㅁㅅ for 김민수), and by edit distance
// on the letters, which for Korean are the jamo. Label words in free speech
// ("집", "회사", "mobile") pick one of a contact's numbers (PhoneCall 1.3,
// SendCandidates). Callers are found by the canonical form of package number.
//
// Contacts come in and go out as vCard 3.0 (RFC 2426) and 4.0 (RFC 6350) and as
// CSV with the headings of Google, of Outlook, or our own. Readers report what
// they could not keep; nothing is lost silently.
//
// The package reaches no network, fetches no image, and keeps no file of its
// own.
package phonebook
