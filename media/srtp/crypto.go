package srtp

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Bounds on the value of one crypto line.
const (
	maxCrypto   = 1024
	maxTag      = 999_999_999
	maxLifetime = 1 << 48 // packets, RFC 3711 §9.2
	longestMKI  = 128     // octets that RFC 4568 §6.1 allows
)

// Crypto is the value of an a=crypto line (RFC 4568 §4): a key that the side which
// sends the line will send media under.
type Crypto struct {
	Tag      uint32 // 0 to 999999999; the answer repeats that of the line it takes
	Key      *Key
	Lifetime uint64 // packets that the key may protect; 0: not said
}

// String is the line without its key.
func (c Crypto) String() string {
	if c.Key == nil {
		return fmt.Sprintf("%d none", c.Tag)
	}
	return fmt.Sprintf("%d %v inline:(hidden)", c.Tag, c.Key.suite)
}

// Attribute is the value as it stands in SDP, key included: whoever shows it must
// mask it first. It is empty when there is no key.
func (c Crypto) Attribute() string {
	if c.Key == nil || len(c.Key.secret) == 0 {
		return ""
	}
	text := fmt.Sprintf("%d %v inline:%s", c.Tag, c.Key.suite, base64.StdEncoding.EncodeToString(c.Key.secret))
	if c.Lifetime != 0 {
		text += "|" + strconv.FormatUint(c.Lifetime, 10)
	}
	if n := len(c.Key.mki); n > 0 {
		text += fmt.Sprintf("|%s:%d", new(big.Int).SetBytes(c.Key.mki), n)
	}
	return text
}

// ParseCrypto reads the value of an a=crypto line. It fails with ErrSyntax (wrapped)
// when the line is broken and with ErrUnsupported (wrapped) when it asks for a suite,
// a number of keys, a length of MKI or a session parameter that is not done here. Tag
// is set as far as the line could be read.
func ParseCrypto(value string) (Crypto, error) {
	if len(value) > maxCrypto {
		return Crypto{}, fmt.Errorf("%w: %d octets; at most %d are read", ErrSyntax, len(value), maxCrypto)
	}
	words := strings.Fields(value)
	if len(words) < 3 {
		return Crypto{}, fmt.Errorf("%w: a line has a tag, a suite and a key", ErrSyntax)
	}
	tag, err := decimal(words[0], maxTag)
	if err != nil {
		return Crypto{}, fmt.Errorf("%w: the tag %s is not a number of 1 to 9 digits", ErrSyntax, shown(words[0]))
	}
	c := Crypto{Tag: uint32(tag)}
	suite, err := ParseSuite(words[1])
	if err != nil {
		return c, err
	}
	for _, word := range words[3:] {
		if err := checkParameter(word); err != nil {
			return c, err
		}
	}
	return c, c.keyParams(suite, words[2])
}

// keyParams reads "inline:KEY[|LIFETIME][|MKI:LENGTH]".
func (c *Crypto) keyParams(suite Suite, text string) error {
	if strings.Contains(text, ";") {
		return fmt.Errorf("%w: crypto line %d gives several keys; one is taken", ErrUnsupported, c.Tag)
	}
	const method = "inline:"
	if len(text) < len(method) || !strings.EqualFold(text[:len(method)], method) {
		return fmt.Errorf("%w: the key of line %d is not given inline", ErrUnsupported, c.Tag)
	}
	parts := strings.Split(text[len(method):], "|")
	if len(parts) > 3 {
		return fmt.Errorf("%w: line %d has more than key, lifetime and MKI", ErrSyntax, c.Tag)
	}
	key, err := parseKey(suite, parts[0])
	if err != nil {
		return err
	}
	for i, part := range parts[1:] {
		if strings.Contains(part, ":") {
			if i != len(parts)-2 {
				err = fmt.Errorf("%w: the MKI of line %d is not its last part", ErrSyntax, c.Tag)
			} else {
				key.mki, err = parseMKI(part)
			}
		} else if i == 0 {
			c.Lifetime, err = parseLifetime(part)
		} else {
			err = fmt.Errorf("%w: line %d has two lifetimes", ErrSyntax, c.Tag)
		}
		if err != nil {
			key.Wipe()
			return err
		}
	}
	c.Key = key
	return nil
}

// parseLifetime reads "2^31" or "1048576", in packets. All that RFC 3711 allows is
// taken; how long a key is used is up to the one who sends under it.
func parseLifetime(text string) (uint64, error) {
	power, isPower := strings.CutPrefix(text, "2^")
	if isPower {
		if n, err := decimal(power, 48); err == nil {
			return 1 << n, nil
		}
	} else if n, err := decimal(text, maxLifetime); err == nil && n > 0 {
		return n, nil
	}
	return 0, fmt.Errorf("%w: the lifetime %s is not a number of packets from 1 to 2^48", ErrSyntax, shown(text))
}

// parseMKI reads "VALUE:LENGTH", the value in decimal, the length in octets.
func parseMKI(text string) ([]byte, error) {
	value, length, _ := strings.Cut(text, ":")
	n, err := decimal(length, longestMKI)
	if err != nil || n == 0 {
		return nil, fmt.Errorf("%w: the length of an MKI is 1 to %d octets", ErrSyntax, longestMKI)
	}
	if n > maxMKI {
		return nil, fmt.Errorf("%w: an MKI of %d octets; 1 to %d are taken", ErrUnsupported, n, maxMKI)
	}
	v, err := decimal(value, 1<<(8*n)-1)
	if err != nil {
		return nil, fmt.Errorf("%w: the MKI %s is not a number that %d octets hold", ErrSyntax, shown(value), n)
	}
	var octets [8]byte
	binary.BigEndian.PutUint64(octets[:], v)
	return octets[8-n:], nil
}

// checkParameter looks at a session parameter (RFC 4568 §6.3). One that only hints is
// passed over, and so is one that its sender marked as optional (§6.3.7).
func checkParameter(word string) error {
	name, value, _ := strings.Cut(word, "=")
	switch upper := strings.ToUpper(name); {
	case strings.HasPrefix(word, "-"), upper == "WSH", upper == "KDR" && value == "0":
		return nil
	case upper == "KDR":
		return fmt.Errorf("%w: keys derived anew (KDR)", ErrUnsupported)
	case strings.HasPrefix(upper, "UNENCRYPTED_"), strings.HasPrefix(upper, "UNAUTHENTICATED_"):
		return fmt.Errorf("%w: %s; what is protected here is protected in full", ErrUnsupported, upper)
	}
	return fmt.Errorf("%w: session parameter %s", ErrUnsupported, shown(name))
}

// decimal reads a number without sign or leading zeros.
func decimal(text string, highest uint64) (uint64, error) {
	if text == "" || text[0] < '0' || text[0] > '9' || len(text) > 1 && text[0] == '0' {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err == nil && n > highest {
		err = strconv.ErrRange
	}
	return n, err
}
