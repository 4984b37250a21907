package sip

import (
	"fmt"
	"strconv"
	"strings"
)

// sipfragType is the body of REFER's notifications (RFC 3420, RFC 3515 §2.4.5).
const sipfragType = "message/sipfrag"

// sipfrag is how a referred call stands, as the body of a NOTIFY: the status
// line alone, so that nothing else of the other call is given away
// (RFC 3515 §2.4.5 and §5.3).
func sipfrag(code int, reason string) []byte {
	if reason = cleanPhrase(reason); reason == "" {
		reason = phrase(code)
	}
	return fmt.Appendf(nil, "SIP/2.0 %d %s\r\n", code, reason)
}

// parseSipfrag reads the status line out of a body of type message/sipfrag.
func parseSipfrag(body []byte) (code int, reason string, err error) {
	line, _, _ := strings.Cut(string(body[:min(len(body), 1024)]), "\n")
	version, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	if !strings.EqualFold(version, "SIP/2.0") {
		return 0, "", fmt.Errorf("sipfrag begins with %q, not with a status line", version)
	}
	digits, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
	code, err = strconv.Atoi(digits)
	if err != nil || len(digits) != 3 || code < 100 || code > 699 {
		return 0, "", fmt.Errorf("sipfrag: %q is no status code", digits)
	}
	if reason = cleanPhrase(strings.TrimSpace(reason)); reason == "" {
		reason = phrase(code)
	}
	return code, reason, nil
}
