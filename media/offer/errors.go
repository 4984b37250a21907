package offer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrNoCommonCodec says that the two sides have no audio stream they can both
// run: no codec in common, no audio at all, encryption that only one side wants or
// no keys for it, or an address of the other family. A SIP offer that brings it is answered with
// 488 Not Acceptable Here (RFC 3261 §13.3.1.3). The error that wraps it tells
// which of these it was.
var ErrNoCommonCodec = errors.New("no audio stream both sides can run")

// ParseError says that a description is not what RFC 8866 allows, and where.
type ParseError struct {
	Line   int    // counted from 1; 0 when the whole text is meant
	Text   string // the line, shortened
	Reason string // what is wrong and what would be right
}

// Error names the line, shows it and says what is wrong with it.
func (e *ParseError) Error() string {
	if e.Line == 0 {
		return "sdp: " + e.Reason
	}
	return fmt.Sprintf("sdp line %d %s: %s", e.Line, strconv.Quote(e.Text), e.Reason)
}

// shownText bounds the part of a peer's line that goes into an error.
const shownText = 80

func parseError(line int, text, format string, args ...any) *ParseError {
	if i := strings.Index(strings.ToLower(text), "inline:"); i >= 0 {
		text = text[:i] + "inline:(hidden)" // a key of RFC 4568 may follow
	}
	if len(text) > shownText {
		text = text[:shownText] + "..."
	}
	return &ParseError{Line: line, Text: text, Reason: fmt.Sprintf(format, args...)}
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNoCommonCodec, fmt.Sprintf(format, args...))
}
