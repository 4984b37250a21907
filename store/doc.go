// Package store keeps what must survive the program: block rules, contacts,
// call history and the journal of events, in one SQLite file
// (modernc.org/sqlite, no cgo).
//
// Events are written by one goroutine that commits whatever is queued in one
// transaction (synchronous=FULL); an event and its history row are in the same
// transaction, and an event is acknowledged only after its commit. Readers
// follow the journal with cursors.
//
// The package never interprets an event, never reaches the network, and never
// deletes a damaged file: it moves it aside and says so.
package store
