package number

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

const (
	minNational = 2  // shortest national significant number after a country code
	maxNational = 17 // longest one of any plan
	maxShort    = 6  // longest short code; emergency numbers are among them
	minWhole    = 7  // shortest number taken for a whole one without its prefix
)

// Parse returns the canonical number of a caller: digits in any spelling, a tel
// URI (RFC 3966) or SIP URI, or the user part of one. Of a longer text only the
// first 512 bytes are read. It never fails and costs a few microseconds.
func (p *Plan) Parse(s string) Number {
	t := clean(s)
	switch {
	case t.user == "":
		return Number{raw: t.raw}
	case isAnonymous(t.user):
		return Number{raw: t.raw, canonical: t.user}
	case t.digits == "":
		return Number{raw: t.raw, canonical: t.user, kind: user, emergency: isEmergencyService(t.user)}
	}
	n := p.number(t.digits, t.plus)
	n.raw, n.rawDigits, n.plus = t.raw, t.digits, t.plus
	n.emergency = p.isEmergency(n)
	return n
}

// number gives digits their canonical form.
func (p *Plan) number(digits string, plus bool) Number {
	if plus && digits[0] == '0' {
		plus = false // no country code begins with 0
	}
	c, nsn, ok := p.splitInternational(digits, plus)
	switch {
	case ok && len(nsn) >= minNational && len(nsn) <= maxNational:
		return p.international(c, nsn)
	case plus:
		return Number{canonical: "+" + digits, kind: foreign}
	case ok || len(digits) > maxNational+maxCountryCode:
		return Number{canonical: digits, kind: dialled}
	}
	if rest, ok := p.splitHome(digits); ok {
		if nsn := p.home.national(rest); p.home.valid(nsn) {
			return p.valid(nsn)
		}
	}
	return p.dialled(digits)
}

// valid is a number that the home plan knows.
func (p *Plan) valid(nsn string) Number {
	return Number{canonical: p.home.domestic(nsn), kind: domestic, mobile: p.home.isMobile(nsn)}
}

// dialled is a number without any country code.
func (p *Plan) dialled(digits string) Number {
	nsn := p.home.national(digits)
	// An extension such as 31100 has the shape of a number whose prefix was
	// left out: short codes stay as dialled.
	whole := len(digits) >= minWhole || len(nsn) < len(digits)
	if whole && p.home.valid(nsn) {
		return p.valid(nsn)
	}
	return Number{canonical: digits, kind: dialled}
}

// international is a number after its country code.
func (p *Plan) international(c *country, nsn string) Number {
	nsn = c.national(nsn)
	if c != p.home {
		return Number{canonical: "+" + c.code + nsn, kind: foreign, mobile: c.isMobile(nsn)}
	}
	if c.valid(nsn) {
		return p.valid(nsn)
	}
	return p.unknown(nsn)
}

// unknown is a number of the own country code that the plan does not know: a
// short code, or digits that are not (or not yet) assigned. It is written as it
// would be dialled, unless that spelling already means something else.
func (p *Plan) unknown(nsn string) Number {
	n := Number{canonical: nsn, kind: dialled}
	if len(nsn) >= p.home.general.shortest() {
		n.canonical = p.home.withPrefix(nsn)
	}
	if p.number(n.canonical, false).canonical != n.canonical {
		return Number{canonical: "+" + p.home.code + nsn, kind: foreign}
	}
	return n
}

// withPrefix returns nsn with the national prefix in front, once.
func (c *country) withPrefix(nsn string) string {
	if len(c.prefix) > 0 && len(nsn) >= len(c.prefix) && nsn[:len(c.prefix)] == c.prefix {
		return nsn
	}
	for i := range c.formats {
		if c.formats[i].withPrefix {
			return c.prefix + nsn
		}
	}
	return nsn // a country where the prefix is not part of the written number
}

// isEmergency also holds 112 and 119 in every region: the one is the number of
// all mobile networks (3GPP TS 22.101 §10.1), the other Korea's and Japan's; and
// Japan's 118, which libphonenumber does not list.
func (p *Plan) isEmergency(n Number) bool {
	d := n.canonical
	if n.kind != dialled && n.kind != domestic || len(d) > maxShort {
		return false
	}
	return d == "112" || d == "119" || d == "118" && p.region == "JP" || phonenumbers.IsEmergencyNumber(d, p.region)
}

// isEmergencyService knows the names of emergency services that calls back from
// them carry in place of a number (RFC 5031 §4.2): urn:service:sos.fire.
func isEmergencyService(user string) bool {
	rest, ok := strings.CutPrefix(user, "urn:service:sos")
	return ok && (rest == "" || rest[0] == '.')
}
