package srtp

import (
	"fmt"
	"strings"

	pion "github.com/pion/srtp/v3"
)

// Suite is a crypto-suite of RFC 4568 §6.2 or RFC 7714 §14. The zero value is none.
type Suite uint8

// The suites. AESCM128HMACSHA1x80 is the one every peer has.
const (
	AESCM128HMACSHA1x80 Suite = iota + 1 // AES_CM_128_HMAC_SHA1_80
	AESCM128HMACSHA1x32                  // AES_CM_128_HMAC_SHA1_32: RTP tags of 4 octets only
	AEADAES128GCM                        // AEAD_AES_128_GCM
	AEADAES256GCM                        // AEAD_AES_256_GCM
)

// MaxOverhead is how many octets protection adds at most, to RTP or RTCP, when no
// MKI is used.
const MaxOverhead = 20

// suiteInfo is what is fixed by a suite. Lengths are in octets.
type suiteInfo struct {
	name      string
	profile   pion.ProtectionProfile
	key, salt int
	rtp, rtcp int // what is added to a packet, without MKI
}

func (s Suite) info() suiteInfo {
	switch s {
	case AESCM128HMACSHA1x80:
		return suiteInfo{"AES_CM_128_HMAC_SHA1_80", pion.ProtectionProfileAes128CmHmacSha1_80, 16, 14, 10, 14}
	case AESCM128HMACSHA1x32:
		return suiteInfo{"AES_CM_128_HMAC_SHA1_32", pion.ProtectionProfileAes128CmHmacSha1_32, 16, 14, 4, 14}
	case AEADAES128GCM:
		return suiteInfo{"AEAD_AES_128_GCM", pion.ProtectionProfileAeadAes128Gcm, 16, 12, 16, 20}
	case AEADAES256GCM:
		return suiteInfo{"AEAD_AES_256_GCM", pion.ProtectionProfileAeadAes256Gcm, 32, 12, 16, 20}
	}
	return suiteInfo{}
}

// Suites lists all suites in the order in which they are offered by default: the
// faster and stronger ones first, and the short tag last.
func Suites() []Suite {
	return []Suite{AEADAES256GCM, AEADAES128GCM, AESCM128HMACSHA1x80, AESCM128HMACSHA1x32}
}

// String is the suite's name in SDP; "none" for the zero value.
func (s Suite) String() string {
	if name := s.info().name; name != "" {
		return name
	}
	if s == 0 {
		return "none"
	}
	return fmt.Sprintf("suite(%d)", uint8(s))
}

// Valid says whether s is one of the suites.
func (s Suite) Valid() bool { return s.info().name != "" }

// ParseSuite reads the name of a suite, in any letter case. The error lists what
// there is.
func ParseSuite(name string) (Suite, error) {
	all := Suites()
	names := make([]string, len(all))
	for i, s := range all {
		if names[i] = s.String(); strings.EqualFold(names[i], name) {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%w: suite %s; there are %s", ErrUnsupported, shown(name), strings.Join(names, ", "))
}
