package dialer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/sip"
)

// Digits go as RFC 4733 events in the sound's stream where both sides agreed on
// a payload type for them, else as tones in the sound, or with Config.Digits set
// to events only, as INFO requests with the body that PBXs have in common:
//
//	Content-Type: application/dtmf-relay
//
//	Signal=5
//	Duration=160

// How long a key is pressed and what lies between two.
const (
	digitTime = 160 * time.Millisecond
	digitGap  = 80 * time.Millisecond
)

// maxDigits bounds one SendDigits.
const maxDigits = 256

const dtmfRelay = "application/dtmf-relay"

// SendDigits presses keys: 0-9, *, #, A-D in either case, 256 at most. As RFC
// 4733 events and as tones they are queued and it returns at once (see
// DigitsPending); by INFO they go one after the other, and it returns with the
// last response. Config.Digits says which. It returns ErrState unless the call is
// answered.
func (c *Call) SendDigits(ctx context.Context, digits string) error {
	digits = strings.ToUpper(digits)
	if err := checkDigits(digits); err != nil {
		return err
	}
	return c.ask(ctx, func(reply func(error)) {
		switch {
		case c.state != Established:
			reply(c.stateError("send digits"))
		case c.d.cfg.Digits != media.DigitsInfo && c.leg.applied && (c.leg.params.EventSend != 0 || c.d.cfg.Digits != media.DigitsEvents):
			reply(c.leg.session.SendDigits(digits, digitTime, digitGap))
		default:
			c.infoDigits = append(c.infoDigits, infoBatch{digits: digits, reply: reply})
			if len(c.infoDigits) == 1 {
				c.sendInfoDigits()
			}
		}
	})
}

// DigitsPending says whether digits queued by SendDigits are still being sent.
func (c *Call) DigitsPending() bool {
	c.mu.Lock()
	session := c.session
	c.mu.Unlock()
	return session != nil && session.DigitsPending()
}

func checkDigits(digits string) error {
	if digits == "" || len(digits) > maxDigits {
		return fmt.Errorf("dialer: %d digits to send; give 1 to %d", len(digits), maxDigits)
	}
	for _, r := range digits {
		if !isDigit(r) {
			return fmt.Errorf("dialer: %q is no key of a telephone; use 0-9, *, #, A-D", r)
		}
	}
	return nil
}

func isDigit(r rune) bool {
	return r < 0x80 && r != 0 && strings.ContainsRune("0123456789*#ABCD", r)
}

// infoBatch is the digits of one SendDigits that go by INFO.
type infoBatch struct {
	digits string
	reply  func(error)
}

// digitQueue holds the batches, the first one being sent.
type digitQueue []infoBatch

// sendInfoDigits sends the first batch from a helper.
func (c *Call) sendInfoDigits() {
	digits, dialog := c.infoDigits[0].digits, c.dialog
	c.whileUp(func(ctx context.Context) {
		err := sendByInfo(ctx, dialog, digits)
		c.mail.post(func() { c.onInfoDigits(err) })
	})
}

func (c *Call) onInfoDigits(err error) {
	batch := c.infoDigits[0]
	c.infoDigits = c.infoDigits[1:]
	batch.reply(err)
	if len(c.infoDigits) > 0 {
		c.sendInfoDigits()
	}
}

// sendByInfo sends one INFO for each key, at the pace of keys.
func sendByInfo(ctx context.Context, dialog *sip.Dialog, digits string) error {
	pace := time.NewTicker(digitTime + digitGap)
	defer pace.Stop()
	for i, r := range digits {
		if i > 0 {
			select {
			case <-pace.C:
			case <-ctx.Done():
				return ErrEnded
			}
		}
		body := fmt.Sprintf("Signal=%c\r\nDuration=%d\r\n", r, digitTime.Milliseconds())
		if err := dialog.Info(ctx, dtmfRelay, []byte(body)); err != nil {
			if ctx.Err() != nil {
				return ErrEnded
			}
			return fmt.Errorf("dialer: the other side takes digits neither as RFC 4733 events nor by INFO: %w", err)
		}
	}
	return nil
}

// onInfo takes an INFO within the call; other bodies than digits mean nothing
// here.
func (c *Call) onInfo(ev sip.InfoReceived) {
	digit, err := parseInfoDigit(ev.ContentType, ev.Body)
	if err != nil {
		c.log.Debug("INFO without a digit", "error", err)
		return
	}
	c.heardDigit(digit)
}

// heardDigit tells of a key that was pressed there.
func (c *Call) heardDigit(r rune) {
	if c.state != Established {
		return
	}
	ev := c.event(EventDigit, 0, "")
	ev.Digit = r
	c.d.cfg.Events(ev)
}

var errNoDigit = errors.New("dialer: INFO body holds no digit")

// parseInfoDigit reads application/dtmf-relay ("Signal=5") and application/dtmf
// ("5"). 10 and 11 stand for * and #, 12 to 15 for A to D, as RFC 4733 numbers
// them.
func parseInfoDigit(contentType string, body []byte) (rune, error) {
	kind, _, _ := strings.Cut(contentType, ";")
	text := string(body[:min(len(body), 512)])
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "application/dtmf":
		return digitOf(text)
	case dtmfRelay:
		for line := range strings.Lines(text) {
			name, value, ok := strings.Cut(line, "=")
			if ok && strings.EqualFold(strings.TrimSpace(name), "signal") {
				return digitOf(value)
			}
		}
	}
	return 0, errNoDigit
}

func digitOf(s string) (rune, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if len(s) == 1 && isDigit(rune(s[0])) {
		return rune(s[0]), nil
	}
	if len(s) == 2 {
		if n, err := strconv.ParseUint(s, 10, 8); err == nil && n >= 10 && n <= 15 {
			return rune("*#ABCD"[n-10]), nil
		}
	}
	return 0, errNoDigit
}
