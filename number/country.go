package number

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// country holds the rules of one country code, compiled from libphonenumber's
// metadata so that a number costs microseconds (the library's own Parse takes
// 13 to 25 µs and some thirty allocations). It is immutable.
type country struct {
	code      string         // country code, "82"
	prefix    string         // national prefix, "0"; "1" in North America
	strip     *regexp.Regexp // national prefix and carrier code; nil when there is none
	transform string         // what strip becomes when its last group took part
	general   desc
	mobile    desc
	fixed     desc
	others    []desc // every other type of number, in libphonenumber's order
	sameFixed bool   // mobile and fixed numbers cannot be told apart
	shared    bool   // several regions share the country code
	formats   []format
}

// desc describes one type of number. The zero value matches nothing.
type desc struct {
	pattern *regexp.Regexp
	source  string
	lengths []int32 // ascending; empty means those of the general desc
	local   []int32 // lengths that are possible only inside an area
}

// format tells whether the numbers it fits are dialled with the national prefix.
type format struct {
	leading    *regexp.Regexp // nil: any
	pattern    *regexp.Regexp
	withPrefix bool
}

func (d desc) match(nsn string) bool {
	if d.pattern == nil || len(d.lengths) > 0 && !slices.Contains(d.lengths, int32(len(nsn))) {
		return false
	}
	return d.pattern.MatchString(nsn)
}

// possible reports whether a number of that many digits may exist
// (libphonenumber's IS_POSSIBLE and TOO_LONG, the two it strips a prefix for).
func (d desc) possible(n int) bool {
	if len(d.lengths) == 0 || slices.Contains(d.local, int32(n)) {
		return false
	}
	return slices.Contains(d.lengths, int32(n)) || int32(n) > d.lengths[len(d.lengths)-1]
}

func (d desc) shortest() int {
	if len(d.lengths) == 0 {
		return 0
	}
	return int(d.lengths[0])
}

// newCountry compiles the rules in m; main is the metadata of the country
// code's main region, which owns the formats.
func newCountry(m, main *phonenumbers.PhoneMetadata, shared bool) *country {
	c := &country{
		code:      strconv.Itoa(int(m.GetCountryCode())),
		prefix:    digitsOf(m.GetNationalPrefix()),
		transform: m.GetNationalPrefixTransformRule(),
		general:   newDesc(m.GetGeneralDesc()),
		mobile:    newDesc(m.GetMobile()),
		fixed:     newDesc(m.GetFixedLine()),
		sameFixed: m.GetSameMobileAndFixedLinePattern(),
		shared:    shared,
	}
	if s := m.GetNationalPrefixForParsing(); s != "" {
		c.strip = compile("^(?:" + s + ")")
	}
	for _, d := range []*phonenumbers.PhoneNumberDesc{
		m.GetPremiumRate(), m.GetTollFree(), m.GetSharedCost(), m.GetVoip(),
		m.GetPersonalNumber(), m.GetPager(), m.GetUan(), m.GetVoicemail(),
	} {
		if o := newDesc(d); o.pattern != nil {
			c.others = append(c.others, o)
		}
	}
	for _, f := range main.GetNumberFormat() {
		c.formats = append(c.formats, newFormat(f, c.prefix))
	}
	return c
}

func newDesc(d *phonenumbers.PhoneNumberDesc) desc {
	source := d.GetNationalNumberPattern()
	if source == "" || slices.Contains(d.GetPossibleLength(), -1) {
		return desc{}
	}
	return desc{
		pattern: compile("^(?:" + source + ")$"),
		source:  source,
		lengths: d.GetPossibleLength(),
		local:   d.GetPossibleLengthLocalOnly(),
	}
}

func newFormat(f *phonenumbers.NumberFormat, prefix string) format {
	out := format{pattern: compile("^(?:" + f.GetPattern() + ")$")}
	if l := f.GetLeadingDigitsPattern(); len(l) > 0 {
		out.leading = compile("^(?:" + l[len(l)-1] + ")")
	}
	before, _, _ := strings.Cut(f.GetNationalPrefixFormattingRule(), "$")
	out.withPrefix = prefix != "" && digitsOf(before) == prefix
	return out
}

// compile returns nil for what Go cannot compile: such a rule then matches
// nothing. A test holds that libphonenumber has none.
func compile(s string) *regexp.Regexp {
	re, err := regexp.Compile(s)
	if err != nil {
		return nil
	}
	return re
}

// valid reports whether nsn is a number that the plan knows. Where several
// regions share a country code only the general shape is checked, since the
// number may be a neighbour's.
func (c *country) valid(nsn string) bool {
	if !c.general.match(nsn) {
		return false
	}
	if c.shared || c.mobile.match(nsn) || c.fixed.match(nsn) {
		return true
	}
	return slices.ContainsFunc(c.others, func(d desc) bool { return d.match(nsn) })
}

// isMobile follows libphonenumber's order of types.
func (c *country) isMobile(nsn string) bool {
	if c.sameFixed || !c.mobile.match(nsn) || !c.general.match(nsn) || c.fixed.match(nsn) {
		return false
	}
	return !slices.ContainsFunc(c.others, func(d desc) bool { return d.match(nsn) })
}

// national returns the national significant number of digits that may begin
// with the national prefix and a carrier code.
func (c *country) national(digits string) string {
	stripped, ok := c.stripPrefix(digits)
	if !ok || !c.general.possible(len(stripped)) {
		return digits
	}
	// Rubbish such as +49 0000000 could be stripped again and again: left as it
	// is, its canonical form is its own.
	if again, ok := c.stripPrefix(stripped); ok && c.general.possible(len(again)) {
		return digits
	}
	return stripped
}

func (c *country) stripPrefix(digits string) (string, bool) {
	if c.strip == nil {
		return digits, false
	}
	groups := c.strip.FindStringSubmatchIndex(digits)
	if groups == nil {
		return digits, false
	}
	stripped := digits[groups[1]:]
	if last := len(groups) - 2; c.transform != "" && groups[last] >= 0 {
		stripped = c.strip.ReplaceAllString(digits, c.transform)
	}
	if c.general.pattern == nil {
		return stripped, true
	}
	// A number that is whole as it stands keeps its first digits when without
	// them it would be none.
	if c.general.pattern.MatchString(digits) && !c.general.pattern.MatchString(stripped) {
		return digits, false
	}
	return stripped, true
}

// domestic returns nsn as it is dialled inside the country.
func (c *country) domestic(nsn string) string {
	for i := range c.formats {
		f := &c.formats[i]
		if f.pattern == nil || !f.pattern.MatchString(nsn) || f.leading != nil && !f.leading.MatchString(nsn) {
			continue
		}
		if f.withPrefix {
			return c.prefix + nsn
		}
		return nsn
	}
	return nsn
}

// digitsOf keeps the ASCII digits of s.
func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
