// Package doctor finds out why a phone does not work, from the configuration
// to the sound that comes back from the echo of a PBX, and says it in plain
// sentences: what was found and what to do about it.
//
// The checks follow one another as a call does: configuration, names (RFC 3263),
// whether the server answers over each transport (OPTIONS, RFC 3261 §11), its
// certificate (RFC 5922 §7.1), registration (RFC 3261 §10), address translation
// (RFC 3581), and a call to an echo. What cannot be checked because something
// before it failed is skipped.
//
// It uses ports of its own and keeps nothing. It never tells a password, and
// never changes a setting.
package doctor
