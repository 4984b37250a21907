package phone

import (
	"fmt"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/media/offer"
	"github.com/softphone-go/softphone/media/srtp"
)

// securityOf translates what the file says about SRTP.
func securityOf(c config.Security) (dialer.Security, error) {
	s := dialer.Security{KeysWithoutTLS: c.KeysWithoutTLS}
	switch c.SRTP {
	case "", "off":
	case "offered":
		s.Encryption = offer.Offered
	case "required":
		s.Encryption = offer.Required
	default:
		return s, fmt.Errorf("srtp is %q; there are \"off\", \"offered\" and \"required\"", c.SRTP)
	}
	for _, name := range c.Suites {
		suite, err := srtp.ParseSuite(name)
		if err != nil {
			return s, err
		}
		s.Suites = append(s.Suites, suite)
	}
	return s, nil
}

// security is how calls of an account protect their sound; those of no account, or of
// one that is gone, do as [media] says.
func (p *Phone) security(accountID string) dialer.Security {
	if accountID != "" {
		if acc, ok := p.account(accountID); ok {
			return acc.security
		}
	}
	return p.general
}
