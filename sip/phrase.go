package sip

import "strings"

// phrases are the standard reason phrases, each after its code (RFC 3261 §21 and
// the extensions' own). A text, since a map would have to be made for each
// response.
const phrases = `
100 Trying
180 Ringing
181 Call Is Being Forwarded
182 Queued
183 Session Progress
200 OK
202 Accepted
300 Multiple Choices
301 Moved Permanently
302 Moved Temporarily
305 Use Proxy
400 Bad Request
401 Unauthorized
402 Payment Required
403 Forbidden
404 Not Found
405 Method Not Allowed
406 Not Acceptable
407 Proxy Authentication Required
408 Request Timeout
410 Gone
413 Request Entity Too Large
415 Unsupported Media Type
416 Unsupported URI Scheme
420 Bad Extension
421 Extension Required
422 Session Interval Too Small
423 Interval Too Brief
433 Anonymity Disallowed
469 Bad Info Package
480 Temporarily Unavailable
481 Call/Transaction Does Not Exist
482 Loop Detected
483 Too Many Hops
484 Address Incomplete
485 Ambiguous
486 Busy Here
487 Request Terminated
488 Not Acceptable Here
489 Bad Event
491 Request Pending
493 Undecipherable
500 Server Internal Error
501 Not Implemented
502 Bad Gateway
503 Service Unavailable
504 Server Time-out
505 Version Not Supported
513 Message Too Large
600 Busy Everywhere
603 Decline
604 Does Not Exist Anywhere
606 Not Acceptable
607 Unwanted
`

// phrase is the standard reason phrase.
func phrase(code int) string {
	key := [...]byte{'\n', '0' + byte(code/100%10), '0' + byte(code/10%10), '0' + byte(code%10), ' '}
	if _, rest, ok := strings.Cut(phrases, string(key[:])); ok {
		p, _, _ := strings.Cut(rest, "\n")
		return p
	}
	switch code / 100 {
	case 1:
		return "Session Progress"
	case 2:
		return "OK"
	case 3:
		return "Redirect"
	case 4:
		return "Request Failure"
	case 5:
		return "Server Failure"
	}
	return "Global Failure"
}
