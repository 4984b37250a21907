package number

// Number is one caller's number in canonical form. The zero value is the
// anonymous caller. Numbers are immutable and safe for concurrent use; two
// callers are the same when their String results are equal.
type Number struct {
	canonical string
	raw       string
	rawDigits string
	kind      kind
	plus      bool // rawDigits came after a "+"
	emergency bool
	mobile    bool
}

// kind says what a Number turned out to be.
type kind uint8

const (
	anonymous kind = iota // nothing, or a word such as "anonymous"
	user                  // a SIP user that is no number
	dialled               // digits outside any numbering plan, short codes too
	domestic              // a number of the plan's own region
	foreign               // +CC...
)

// String returns the canonical form; empty for a caller without any.
func (n Number) String() string { return n.canonical }

// Raw returns the text that Parse was given, at most 256 bytes of it.
func (n Number) Raw() string { return n.raw }

// RawDigits returns the digits as they came, without separators, "+" and
// parameters; empty when the caller is no number.
func (n Number) RawDigits() string { return n.rawDigits }

// AsDialled returns the digits as they would be dialled to reach the caller,
// international prefix and all: RawDigits, but nothing when they came after a
// "+". What begins with 15 after a "+" is a number in North America, and no
// short code of the region.
func (n Number) AsDialled() string {
	if n.plus {
		return ""
	}
	return n.rawDigits
}

// Digits returns the digits of the canonical form; empty when the caller is no
// number.
func (n Number) Digits() string {
	switch n.kind {
	case dialled, domestic:
		return n.canonical
	case foreign:
		return n.canonical[1:]
	case anonymous, user:
	}
	return ""
}

// IsNumber reports whether the caller is made of digits, rather than being a
// SIP user name or anonymous.
func (n Number) IsNumber() bool { return n.kind >= dialled }

// IsMobile reports whether the numbering plan calls the number a mobile one.
// Where mobile and fixed numbers look alike (the United States) it is false.
func (n Number) IsMobile() bool { return n.mobile }

// IsForeign reports whether the number belongs to another country code than
// the plan's region.
func (n Number) IsForeign() bool { return n.kind == foreign }

// IsEmergency reports whether the number is 112, 119 or an emergency number of
// the plan's region, or the caller an emergency service (RFC 5031).
func (n Number) IsEmergency() bool { return n.emergency }

// IsAnonymous reports whether the caller gave no identity (RFC 3323 §4.1).
func (n Number) IsAnonymous() bool { return n.kind == anonymous }

// Describe says what the number was taken for, as a noun without an article:
// "mobile number of the region".
func (n Number) Describe() string {
	if n.emergency {
		return "number of an emergency service"
	}
	what := "number"
	if n.mobile {
		what = "mobile number"
	}
	switch n.kind {
	case anonymous:
		return "caller without a number"
	case user:
		return "SIP user without a number"
	case dialled:
		return "short code or other number that is compared as it is dialled"
	case domestic:
		return what + " of the region"
	case foreign:
		return what + " of another country"
	}
	return what
}
