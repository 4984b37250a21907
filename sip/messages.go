package sip

import (
	"fmt"
	"strconv"
	"strings"
)

// messageSummaryType is the body of the event package message-summary
// (RFC 3842 §5).
const messageSummaryType = "application/simple-message-summary"

// maxSummary bounds a message summary in bytes.
const maxSummary = 8192

// MessageSummary is how many messages wait for an account (RFC 3842).
type MessageSummary struct {
	Waiting bool
	Account URI // whose messages they are; zero when it was not said
	// Counts are those of each class that was told, by its name in lower case:
	// "voice", "fax", "pager", "multimedia", "text", "none". A body may tell no
	// more than Waiting.
	Counts map[string]MessageCount
}

// MessageCount is the messages of one class; the urgent ones are part of both.
type MessageCount struct{ New, Old, UrgentNew, UrgentOld int }

// Voice is the count of voice messages.
func (m MessageSummary) Voice() MessageCount { return m.Counts["voice"] }

// ParseMessageSummary reads a body of type application/simple-message-summary:
//
//	Messages-Waiting: yes
//	Message-Account: sip:alice@vmail.example.com
//	Voice-Message: 4/8 (1/2)
//
// Lines it does not know, and the header fields of messages that may follow after
// an empty line, are passed over.
func ParseMessageSummary(body []byte) (MessageSummary, error) {
	m := MessageSummary{Counts: make(map[string]MessageCount)}
	if len(body) > maxSummary {
		return m, fmt.Errorf("message summary of %d bytes is longer than %d", len(body), maxSummary)
	}
	told := false
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return m, fmt.Errorf("message summary: %q is no header line", line)
		}
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		class, isCount := strings.CutSuffix(name, "-message")
		var err error
		switch {
		case name == "messages-waiting":
			m.Waiting, err = yesOrNo(value)
			told = true
		case name == "message-account":
			m.Account, err = ParseURI(value)
		case isCount && len(m.Counts) < 16:
			m.Counts[class], err = parseCount(value)
		}
		if err != nil {
			return m, fmt.Errorf("message summary: %w", err)
		}
	}
	if !told {
		return m, fmt.Errorf("message summary does not say whether messages are waiting")
	}
	return m, nil
}

func yesOrNo(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "yes":
		return true, nil
	case "no":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither yes nor no", s)
}

// parseCount reads "new/old" and, perhaps, "(urgent new/urgent old)".
func parseCount(s string) (MessageCount, error) {
	plain, urgent, hasUrgent := strings.Cut(s, "(")
	var c MessageCount
	var err error
	if c.New, c.Old, err = twoNumbers(plain); err != nil || !hasUrgent {
		return c, err
	}
	urgent, ok := strings.CutSuffix(strings.TrimSpace(urgent), ")")
	if !ok {
		return c, fmt.Errorf("count %q has no closing bracket", s)
	}
	c.UrgentNew, c.UrgentOld, err = twoNumbers(urgent)
	return c, err
}

func twoNumbers(s string) (a, b int, err error) {
	first, second, ok := strings.Cut(s, "/")
	x, err1 := strconv.ParseUint(strings.TrimSpace(first), 10, 31)
	y, err2 := strconv.ParseUint(strings.TrimSpace(second), 10, 31)
	if !ok || err1 != nil || err2 != nil {
		return 0, 0, fmt.Errorf("%q is not two numbers such as 4/8", s)
	}
	return int(x), int(y), nil
}
