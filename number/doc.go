// Package number gives every caller one canonical form.
//
// A caller's number reaches a phone in many spellings: 010-1234-5678,
// +82 10 1234 5678, 00182 10 1234 5678, tel:+82-10-1234-5678;ext=7. Block
// rules, the phonebook, call history and automation compare numbers, so all of
// them compare the form that this package makes: domestic digits for a number
// of the configured region (01012345678), "+" and the country code for a
// foreign one (+12125551234), the digits as dialled for what is neither (short
// codes, extensions), and the lower-cased user part for a SIP user that is no
// number at all (mallory).
//
// The numbering plans are libphonenumber's (ITU-T E.164, E.123), by way of
// nyaruka/phonenumbers; tel URIs follow RFC 3966, SIP URIs RFC 3261 §19.1.
//
// The package never looks anything up, keeps no state between calls, and never
// fails: whatever text comes in has exactly one canonical form.
package number
