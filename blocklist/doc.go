// Package blocklist decides whether a caller is blocked.
//
// Rules are EXACT, PREFIX or POSTFIX (PhoneCall 1.3, BlockNumber) and compare
// canonical numbers of package number. The matcher reads without locks and
// without allocation, in about a microsecond with a million rules. Rules go to
// and come from CSV and JSON files with who added them when.
//
// The package knows nothing of telephony and keeps no storage of its own: a
// RuleStore makes each rule durable before Add acknowledges it. It never
// blocks an emergency number.
package blocklist
