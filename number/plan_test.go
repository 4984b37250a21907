package number

import (
	"regexp"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var types = []phonenumbers.PhoneNumberType{
	phonenumbers.FIXED_LINE, phonenumbers.MOBILE, phonenumbers.TOLL_FREE, phonenumbers.PREMIUM_RATE,
	phonenumbers.SHARED_COST, phonenumbers.VOIP, phonenumbers.PERSONAL_NUMBER, phonenumbers.PAGER, phonenumbers.UAN,
}

func TestNew_UnknownRegion(t *testing.T) {
	for _, region := range []string{"XX", "001", "Korea", "+82", "+800"} {
		_, err := New(region)
		var re *RegionError
		require.ErrorAs(t, err, &re, region)
		assert.Contains(t, err.Error(), region)
	}
	p, err := New("us")
	require.NoError(t, err)
	assert.Equal(t, "US", p.Region())
}

func TestNew_EveryPatternCompiles(t *testing.T) {
	collection, err := phonenumbers.MetadataCollection()
	require.NoError(t, err)
	for _, m := range collection.GetMetadata() {
		sources := []string{m.GetInternationalPrefix(), m.GetNationalPrefixForParsing()}
		for _, d := range []*phonenumbers.PhoneNumberDesc{
			m.GetGeneralDesc(), m.GetMobile(), m.GetFixedLine(), m.GetPremiumRate(), m.GetTollFree(), m.GetSharedCost(),
			m.GetVoip(), m.GetPersonalNumber(), m.GetPager(), m.GetUan(), m.GetVoicemail(),
		} {
			sources = append(sources, d.GetNationalNumberPattern())
		}
		for _, f := range m.GetNumberFormat() {
			sources = append(append(sources, f.GetPattern()), f.GetLeadingDigitsPattern()...)
		}
		for _, s := range sources {
			_, err := regexp.Compile("^(?:" + s + ")$")
			require.NoError(t, err, m.GetId())
		}
	}
}

// The rules are the library's metadata on our own code: both must agree on
// every example number of every region, however it is spelled.
func TestParse_AgreesWithLibphonenumber(t *testing.T) {
	for region := range phonenumbers.GetSupportedRegions() {
		p := plan(t, region)
		for _, typ := range types {
			ex := phonenumbers.GetExampleNumberForType(region, typ)
			if ex == nil {
				continue
			}
			e164 := phonenumbers.Format(ex, phonenumbers.E164)
			got := p.Parse(e164)
			nsn := phonenumbers.GetNationalSignificantNumber(ex)
			require.Contains(t, []string{nsn, p.home.prefix + nsn}, got.String(), "%s %s", region, e164)
			back, err := phonenumbers.Parse(got.String(), region)
			require.NoError(t, err, "%s %s", region, got)
			require.Equal(t, e164, phonenumbers.Format(back, phonenumbers.E164), "%s: the canonical form dials the same number", region)
			for _, f := range []phonenumbers.PhoneNumberFormat{phonenumbers.INTERNATIONAL, phonenumbers.RFC3966, phonenumbers.NATIONAL} {
				s := phonenumbers.Format(ex, f)
				if again, err := phonenumbers.Parse(s, region); err != nil || phonenumbers.Format(again, phonenumbers.E164) != e164 {
					continue // one Argentine example is not read back by the library either
				}
				require.Equal(t, got.String(), p.Parse(s).String(), "%s %s", region, s)
			}
			require.Equal(t, got.String(), p.Parse(got.String()).String(), region)
			if phonenumbers.GetRegionCodeForNumber(ex) == region {
				require.Equal(t, phonenumbers.GetNumberType(ex) == phonenumbers.MOBILE, got.IsMobile(), "%s %s", region, e164)
			}
		}
	}
}

// From abroad every example number keeps its E.164 form.
func TestParse_ForeignAgreesWithLibphonenumber(t *testing.T) {
	p := plan(t, "KR")
	for region := range phonenumbers.GetSupportedRegions() {
		for _, typ := range types {
			ex := phonenumbers.GetExampleNumberForType(region, typ)
			if ex == nil || region == "KR" {
				continue
			}
			e164 := phonenumbers.Format(ex, phonenumbers.E164)
			require.Equal(t, e164, p.Parse(e164).String())
			require.Equal(t, e164, p.Parse("001"+e164[1:]).String())
			require.True(t, p.Parse(e164).IsForeign())
		}
	}
}

func TestParse_RandomDigitsAgreeWithLibphonenumber(t *testing.T) {
	plans := map[string]*Plan{}
	for _, r := range []string{"KR", "JP", "DE", "GB", "IT", "FR", "RU", "BR", "CN"} {
		plans[r] = plan(t, r)
	}
	heads := []string{"", "+", "+82", "+820", "010", "02", "0", "00182", "00700", "011", "001", "82", "1588", "+49", "+1", "+81", "+7", "8", "0821"}
	rapid.Check(t, func(t *rapid.T) {
		region := rapid.SampledFrom([]string{"KR", "KR", "JP", "DE", "GB", "IT", "FR", "RU", "BR", "CN"}).Draw(t, "region")
		s := rapid.SampledFrom(heads).Draw(t, "head") + rapid.StringMatching(`[0-9]{1,12}`).Draw(t, "digits")
		p := plans[region]
		got := p.Parse(s)
		if again := p.Parse(got.String()).String(); again != got.String() {
			t.Fatalf("%s %q: canonical %q becomes %q", region, s, got, again)
		}
		num, err := phonenumbers.Parse(s, region)
		if err != nil || !phonenumbers.IsValidNumber(num) {
			return
		}
		nsn := phonenumbers.GetNationalSignificantNumber(num)
		if int(num.GetCountryCode()) != phonenumbers.GetCountryCodeForRegion(region) {
			if want := phonenumbers.Format(num, phonenumbers.E164); got.String() != want {
				t.Fatalf("%s %q: %q, libphonenumber %q", region, s, got, want)
			}
			return
		}
		if !strings.HasPrefix(s, "+") && len(s) < minWhole && len(nsn) == len(s) {
			return // short codes stay as dialled
		}
		if got.String() != nsn && got.String() != p.home.prefix+nsn {
			t.Fatalf("%s %q: %q, libphonenumber has %q", region, s, got, nsn)
		}
	})
}

func TestParse_OtherRegions(t *testing.T) {
	for _, c := range []struct{ region, in, want string }{
		{"US", "(212) 555-1234", "2125551234"},
		{"US", "+1 212 555 1234", "2125551234"},
		{"US", "1-212-555-1234", "2125551234"},
		{"US", "011 82 10 1234 5678", "+821012345678"},
		{"US", "+82 10 1234 5678", "+821012345678"},
		{"US", "911", "911"},
		{"US", "5551234", "5551234"},
		{"CA", "+1 416 555 1234", "4165551234"},
		{"JP", "+81 90 1234 5678", "09012345678"},
		{"JP", "010 82 10 1234 5678", "+821012345678"},
		{"JP", "090-1234-5678", "09012345678"},
		{"JP", "0120-123-456", "0120123456"},
		{"DE", "+49 30 901820", "030901820"},
		{"DE", "0049 30 901820", "030901820"},
		{"DE", "00 82 10 1234 5678", "+821012345678"},
		{"DE", "0171 1234567", "01711234567"},
		{"GB", "+44 (0)20 7946 0018", "02079460018"},
		{"IT", "+39 06 698 12345", "0669812345"},
		{"RU", "+7 912 345-67-89", "89123456789"},
		{"FR", "+33 1 44 55 66 77", "0144556677"},
	} {
		p := plan(t, c.region)
		assert.Equal(t, c.want, p.Parse(c.in).String(), "%s %s", c.region, c.in)
	}
	for _, c := range []struct{ region, in, want string }{
		{"US", "+1 212", "212"}, {"US", "+82", "+82"}, {"JP", "+81 90", "090"}, {"DE", "+49 30", "030"}, {"IT", "+39 06", "06"},
		{"GB", "+44 20", "020"}, {"GB", "+44 (0)20", "020"},
	} {
		got, err := plan(t, c.region).Prefix(c.in)
		require.NoError(t, err)
		assert.Equal(t, c.want, got, "%s %s", c.region, c.in)
	}
}

func TestNumber_Properties(t *testing.T) {
	p := plan(t, "KR")
	n := p.Parse("00182 10-1234-5678")
	assert.Equal(t, "00182 10-1234-5678", n.Raw())
	assert.Equal(t, "00182"+"1012345678", n.RawDigits())
	assert.Equal(t, "01012345678", n.Digits())
	assert.Equal(t, n.RawDigits(), n.AsDialled())
	assert.Empty(t, p.Parse("+1 588 555 1234").AsDialled())
	assert.Equal(t, "15885551234", p.Parse("+1 588 555 1234").RawDigits())
	assert.True(t, n.IsNumber())
	assert.True(t, n.IsMobile())
	assert.False(t, n.IsForeign())
	assert.Equal(t, "12125551234", p.Parse("+12125551234").Digits())
	assert.True(t, p.Parse("+44 7400 123456").IsMobile(), "a number's type is its own country's")
	for _, s := range []string{"02-312-3456", "070-1234-5678", "1588-1234", "119", "mallory", "", "+1 212 555 1234"} {
		assert.False(t, p.Parse(s).IsMobile(), s)
	}
	for _, s := range []string{"112", "119", "+82 112", "+82119", "00182119", "tel:119", "urn:service:sos", "URN:service:sos.fire"} {
		assert.True(t, p.Parse(s).IsEmergency(), s)
	}
	for _, s := range []string{"114", "1123", "+1 911", "911", "+44112", "mallory", "01012345678", "urn:service:sosmallory", "urn:service:counseling"} {
		assert.False(t, p.Parse(s).IsEmergency(), s)
	}
	assert.True(t, plan(t, "US").Parse("911").IsEmergency())
	assert.True(t, plan(t, "GB").Parse("999").IsEmergency())
	assert.True(t, plan(t, "US").Parse("112").IsEmergency())
	m := p.Parse("sip:Mallory@evil")
	assert.False(t, m.IsNumber())
	assert.Empty(t, m.Digits())
	assert.Empty(t, m.RawDigits())
	assert.True(t, p.Parse("").IsAnonymous())
	assert.True(t, p.Parse("sip:anonymous@anonymous.invalid").IsAnonymous())
	assert.True(t, Number{}.IsAnonymous())
}

func TestNumber_Describe(t *testing.T) {
	p := plan(t, "KR")
	for in, want := range map[string]string{
		"010-1234-5678": "mobile number of the region", "02-312-3456": "number of the region", "+44 7400 123456": "mobile number of another country",
		"+1 212 555 1234": "number of another country", "114": "short code or other number that is compared as it is dialled",
		"119": "number of an emergency service", "mallory": "SIP user without a number", "": "caller without a number",
	} {
		assert.Equal(t, want, p.Parse(in).Describe(), in)
	}
}

func TestParse_Bounded(t *testing.T) {
	p := plan(t, "KR")
	n := p.Parse("+" + strings.Repeat("1", 100_000))
	assert.False(t, n.IsNumber())
	assert.LessOrEqual(t, len([]rune(n.String())), MaxLength+1)
	assert.LessOrEqual(t, len(n.Raw()), maxRaw)
	a, b := strings.Repeat("a", MaxLength), strings.Repeat("a", MaxLength+5)
	assert.NotEqual(t, p.Parse(a).String(), p.Parse(b).String())
	assert.Equal(t, strings.Repeat("7", MaxLength), p.Parse(strings.Repeat("7", MaxLength)).String())
	assert.Equal(t, "01012345678", p.Parse("sip:01012345678@"+strings.Repeat("h", 2000)).String())
}

func TestPostfix(t *testing.T) {
	p := plan(t, "KR")
	for in, want := range map[string]string{"5678": "5678", "-5678": "5678", "+82 10 1234 5678": "01012345678", "\uff15678": "5678", "00181234": "00181234",
		"00182 10 1234 5678": "01012345678", "0070082 10 1234 5678": "01012345678", "821012345678": "01012345678", "82 2 312 3456": "023123456",
		"001 1 212 555 1234": "12125551234", "+1 212 555 1234": "12125551234", "1012345678": "1012345678", "23123456": "23123456", "8212345": "8212345",
	} {
		got, err := p.Postfix(in)
		require.NoError(t, err)
		assert.Equal(t, want, got, in)
	}
	_, err := p.Postfix("mallory")
	assert.ErrorIs(t, err, ErrNoDigits)
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"010-1234-5678", "+82 10 1234 5678", "00182 10 1234 5678", "tel:+82-10;ext=1;phone-context=+82", "sip:%2B82@h", "\uff0b\uff18",
		"mallory", "", "<sip:a:b@c;d>e", "+39 0", "+1", "0070082", "+820017555", "\xff\x00+8\u202a", "내선",
	} {
		f.Add(s)
	}
	p, err := New("KR")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := p.Parse(s)
		if len([]rune(n.String())) > MaxLength+1 || len(n.Raw()) > maxRaw {
			t.Fatalf("%q: too long: %q", s, n)
		}
		if strings.Trim(n.Digits()+n.RawDigits(), "0123456789") != "" {
			t.Fatalf("%q: %q %q", s, n.Digits(), n.RawDigits())
		}
		if n.IsNumber() {
			if again := p.Parse(n.String()); again.String() != n.String() {
				t.Fatalf("%q: %q becomes %q", s, n, again)
			}
		}
		for _, parse := range []func(string) (string, error){p.Prefix, p.Postfix} {
			if got, err := parse(s); err == nil && strings.Trim(strings.TrimPrefix(got, "+"), "0123456789") != "" {
				t.Fatalf("%q: pattern %q", s, got)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	p := plan(b, "KR")
	for name, s := range map[string]string{
		"domestic": "010-1234-5678", "plus": "+82 10 1234 5678", "idd": "0070082 10 1234 5678", "fixed": "023123456",
		"foreign": "+1 212 555 1234", "short": "119", "user": "sip:mallory@example.com", "unknown": "+82 99 123 4567",
		"hostile": "+82001" + strings.Repeat("0", 11),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var n Number
			for b.Loop() {
				n = p.Parse(s)
			}
			_ = n.String()
		})
	}
	b.Run("libphonenumber", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n, err := phonenumbers.Parse("+82 10 1234 5678", "KR")
			if err != nil || n == nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPrefix(b *testing.B) {
	p := plan(b, "KR")
	for _, s := range []string{"070", "+82 70", "+82 15", "+49", "+1 2", "+54 9", "+44 0", "+39"} {
		b.Run(s, func(b *testing.B) {
			for b.Loop() {
				if _, err := p.Prefix(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
