package number

import (
	"errors"
	"strings"
)

// What is wrong with a pattern. Each completes the sentence "this pattern is
// refused, because ...".
var (
	ErrEmpty     = errors.New("it is empty")
	ErrTooLong   = errors.New("it is longer than 64 characters")
	ErrNoDigits  = errors.New("it has no digits")
	ErrNotDigits = errors.New("it has characters that no number is written with")
	ErrWholePlan = errors.New("it is the own country's code alone; domestic numbers are compared as they are dialled, so give their first digits, such as 010 or 070")
)

// Prefix returns the canonical form of the beginning of a number: +8270 and
// +82 70 are 070 in Korea, +82 10 is 010, +1 212 is +1212. Digits that begin
// with an international prefix and no whole country code (001, 00182) stay as
// they are, for comparison with Number.RawDigits. Where the beginning could
// belong to numbers with and without the national prefix, mobile and fixed
// numbers decide while it has one or two digits (+82 16 is 016), then the
// shortest whole number (+82 1688 is 1688). The error is ErrEmpty, ErrTooLong,
// ErrNoDigits, ErrNotDigits or ErrWholePlan.
func (p *Plan) Prefix(s string) (string, error) {
	digits, plus, err := patternDigits(s)
	if err != nil {
		return "", err
	}
	if plus && digits[0] == '0' {
		plus = false
	}
	c, nsn, ok := p.splitInternational(digits, plus)
	switch {
	case ok && c == p.home && nsn == "" && plus:
		return "", ErrWholePlan
	case ok && (nsn != "" || c != p.home):
		return p.partial(c, nsn), nil
	case plus:
		return "+" + digits, nil
	}
	if n := p.number(digits, false); n.kind == domestic {
		return n.canonical, nil
	}
	return digits, nil
}

// Postfix returns the canonical form of the end of a number: its digits. A
// whole number with its country code (+82 10 1234 5678, 00182 10..., 8210...) is
// turned into the digits of its canonical form, which is what ends are compared
// with. Errors are those of Prefix.
func (p *Plan) Postfix(s string) (string, error) {
	digits, plus, err := patternDigits(s)
	if err != nil {
		return "", err
	}
	if plus || p.isInternational(digits) {
		digits = p.number(digits, plus).Digits()
	}
	return digits, nil
}

// isInternational reports whether digits without "+" are a whole number with
// its country code, rather than the end of some number.
func (p *Plan) isInternational(digits string) bool {
	if c, nsn, ok := p.splitInternational(digits, false); ok {
		return c.valid(c.national(nsn))
	}
	if rest, ok := p.splitHome(digits); ok {
		return p.home.valid(p.home.national(rest))
	}
	return false
}

func patternDigits(s string) (out string, plus bool, err error) {
	t := strings.TrimSpace(s)
	if t == "" {
		return "", false, ErrEmpty
	}
	if len([]rune(cut(t, maxInput))) > MaxLength {
		return "", false, ErrTooLong
	}
	out, plus = digits(userPart(t))
	switch {
	case out != "":
		return out, plus, nil
	case strings.ContainsFunc(t, func(r rune) bool { _, ok := digit(r); return ok }):
		return "", false, ErrNotDigits
	}
	return "", false, ErrNoDigits
}

// partial returns the canonical form of the beginning of a number whose country
// code was cut off.
func (p *Plan) partial(c *country, nsn string) string {
	if len(nsn) >= minNational && len(nsn) <= maxNational {
		if whole := c.national(nsn); c.valid(whole) {
			return p.international(c, nsn).canonical
		}
	}
	if rest, ok := strings.CutPrefix(nsn, c.prefix); ok && c.prefix != "" && c.shortestFrom(nsn) == "" {
		nsn = rest // +82 (0)10
		if rest == "" {
			return p.join(c, rest, c.prefix)
		}
	}
	if c != p.home {
		return p.join(c, nsn, "")
	}
	whole := c.shortestFrom(nsn)
	if whole == "" {
		return p.join(c, nsn, c.withPrefix(nsn))
	}
	return p.join(c, nsn, strings.TrimSuffix(c.domestic(whole), whole)+nsn)
}

func (p *Plan) join(c *country, nsn, domestic string) string {
	if c != p.home {
		return "+" + c.code + nsn
	}
	return domestic
}
