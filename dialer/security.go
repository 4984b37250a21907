package dialer

import (
	"errors"
	"fmt"

	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/media/srtp"
	"github.com/softphone-go/softphone/sip"
)

// ErrKeysInClear: SRTP is wanted, but its keys would cross the network in signalling
// that is not encrypted, and that was not allowed.
var ErrKeysInClear = errors.New("dialer: SRTP keys in the clear")

// Security is how a call protects its sound: SRTP under keys in SDP (RFC 4568). The
// zero value does not.
type Security struct {
	Encryption offer.Encryption
	Suites     []srtp.Suite // by preference; nil: all

	// KeysWithoutTLS allows to send keys, and to take them, over a transport on which
	// anybody on the way can read them: the sound is then safe from those only who see
	// the media but not the signalling.
	KeysWithoutTLS bool
}

// on is what may be done over a path. When the peer offers, a wish is given up where
// keys may not travel; an offer of ours, and a demand, are refused with ErrKeysInClear.
func (s Security) on(path sip.Path, offering bool) (offer.Encryption, error) {
	switch {
	case s.Encryption == offer.NoEncryption || s.KeysWithoutTLS || path.Transport.Secure():
		return s.Encryption, nil
	case s.Encryption == offer.Offered && !offering:
		return offer.NoEncryption, nil
	}
	return offer.NoEncryption, fmt.Errorf("%w: srtp is %s, but its keys would travel over %s, where anybody on the way can read them; "+
		"srtp_keys_without_tls (--srtp-keys-without-tls) allows that, srtp = \"off\" does without encryption",
		ErrKeysInClear, s.Encryption, path.Transport)
}

// admit settles what encryption the next offer or answer over the path may have, and
// sees to keys of ours.
func (l *leg) admit(path sip.Path, offering bool) error {
	encryption, err := l.security.on(path, offering)
	if err != nil {
		return err
	}
	l.local.Encryption = encryption
	if encryption == offer.NoEncryption || len(l.local.Keys) > 0 {
		return nil
	}
	suites := l.security.Suites
	if len(suites) == 0 {
		suites = srtp.Suites()
	}
	keys := make([]*srtp.Key, len(suites))
	for i, suite := range suites {
		if keys[i], err = srtp.GenerateKey(suite, nil); err != nil {
			return fmt.Errorf("dialer: keys for SRTP: %w", err)
		}
	}
	l.local.Keys = keys
	return nil
}

// mayOffer is asked when an offer made earlier is about to leave over a path.
func (l *leg) mayOffer() func(sip.Path) error {
	if l.local.Encryption == offer.NoEncryption {
		return func(sip.Path) error { return nil }
	}
	security := l.security
	return func(path sip.Path) error {
		_, err := security.on(path, true)
		return err
	}
}

// own makes the keys of params those that are known already, where they are equal, and
// notes the others, so that close can wipe them.
func (l *leg) own(params *offer.Params) {
	if params.SendKey == nil {
		return
	}
	for _, known := range []struct {
		keys []*srtp.Key
		key  **srtp.Key
	}{{l.local.Keys, &params.SendKey}, {l.theirs, &params.ReceiveKey}} {
		for _, k := range known.keys {
			if given := *known.key; given != k && given.Equal(k) {
				given.Wipe()
				*known.key = k
				break
			}
		}
	}
	for _, k := range l.theirs {
		if k == params.ReceiveKey {
			return
		}
	}
	l.theirs = append(l.theirs, params.ReceiveKey)
}

// wipe overwrites all keys of the call but those in texts of SDP.
func (l *leg) wipe() {
	for _, k := range append(l.theirs, l.local.Keys...) {
		k.Wipe()
	}
	l.theirs, l.local.Keys = nil, nil
}

// security is what an account wants.
func (d *Dialer) security(accountID string) Security {
	if d.cfg.Security == nil {
		return Security{}
	}
	return d.cfg.Security(accountID)
}

// refusal is the response to an offer that cannot be answered, otherwise where the
// cause lies elsewhere.
func refusal(err error, otherwise int) int {
	if errors.Is(err, offer.ErrNoCommonCodec) || errors.Is(err, ErrKeysInClear) {
		return 488
	}
	return otherwise
}
