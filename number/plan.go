package number

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
)

// DefaultRegion is the region of New("").
const DefaultRegion = "KR"

// maxCountryCode is the number of digits of the longest country code (E.164 §6).
const maxCountryCode = 3

// RegionError says that a region has no numbering plan.
type RegionError struct{ Region string }

func (e *RegionError) Error() string {
	return fmt.Sprintf("number: region %q has no numbering plan; use an ISO 3166-1 alpha-2 code such as KR, US or DE", e.Region)
}

// Plan is the numbering plan of one region. It is safe for concurrent use.
type Plan struct {
	region string
	home   *country
	idd    *regexp.Regexp // international prefix, 001, 006 and so on in Korea
	abroad map[string]func() *country
}

// New returns the plan of an ISO 3166-1 alpha-2 region, in any case; an empty
// one means DefaultRegion. It fails with *RegionError for a region that has no
// numbering plan.
func New(region string) (*Plan, error) {
	if region == "" {
		region = DefaultRegion
	}
	upper := strings.ToUpper(strings.TrimSpace(region))
	collection, err := phonenumbers.MetadataCollection()
	if err != nil {
		return nil, fmt.Errorf("number: the numbering plans built into the program cannot be read: %w", err)
	}
	byRegion := make(map[string]*phonenumbers.PhoneMetadata, len(collection.GetMetadata()))
	for _, m := range collection.GetMetadata() {
		if m.GetId() == "001" { // not a place: international freephone and the like
			byRegion["+"+strconv.Itoa(int(m.GetCountryCode()))] = m
			continue
		}
		byRegion[m.GetId()] = m
	}
	home := byRegion[upper]
	if home == nil || strings.HasPrefix(upper, "+") {
		return nil, &RegionError{Region: region}
	}
	p := &Plan{region: upper, abroad: map[string]func() *country{}}
	for code := range phonenumbers.GetSupportedCallingCodes() {
		regions := phonenumbers.GetRegionCodesForCountryCode(code)
		main := byRegion["+"+strconv.Itoa(code)]
		if main == nil && len(regions) > 0 {
			main = byRegion[regions[0]]
		}
		if main == nil {
			continue
		}
		if code == int(home.GetCountryCode()) {
			p.home = newCountry(home, main, len(regions) > 1)
			p.abroad[strconv.Itoa(code)] = func() *country { return p.home }
			continue
		}
		// Compiled when the first such number comes: most never do.
		p.abroad[strconv.Itoa(code)] = sync.OnceValue(func() *country {
			return newCountry(main, main, len(regions) > 1)
		})
	}
	if p.home == nil {
		return nil, &RegionError{Region: region}
	}
	if s := home.GetInternationalPrefix(); s != "" {
		p.idd = compile("^(?:" + s + ")")
	}
	return p, nil
}

// Region returns the plan's region in upper case.
func (p *Plan) Region() string { return p.region }

// splitCode splits an international number into its country and the rest.
func (p *Plan) splitCode(digits string) (*country, string, bool) {
	for i := 1; i <= maxCountryCode && i <= len(digits); i++ {
		if load, ok := p.abroad[digits[:i]]; ok {
			return load(), digits[i:], true
		}
	}
	return nil, "", false
}

// splitInternational recognises an international number by its "+" or by the
// region's international prefix.
func (p *Plan) splitInternational(digits string, plus bool) (*country, string, bool) {
	if !plus {
		if p.idd == nil {
			return nil, "", false
		}
		at := p.idd.FindStringIndex(digits)
		if at == nil {
			return nil, "", false
		}
		digits = digits[at[1]:]
	}
	return p.splitCode(digits)
}

// splitHome recognises a number of the plan's own country code that came
// without "+", as some trunks send it: 821012345678.
func (p *Plan) splitHome(digits string) (string, bool) {
	rest, ok := strings.CutPrefix(digits, p.home.code)
	if !ok {
		return "", false
	}
	rest, _ = p.home.stripPrefix(rest)
	g := p.home.general
	if g.pattern == nil {
		return "", false
	}
	tooLong := len(g.lengths) > 0 && int32(len(digits)) > g.lengths[len(g.lengths)-1]
	if !g.pattern.MatchString(digits) && g.pattern.MatchString(rest) || tooLong {
		return rest, true
	}
	return "", false
}
