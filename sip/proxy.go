package sip

import (
	"fmt"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"
)

// maxServiceRoutes bounds the routes taken from a registrar.
const maxServiceRoutes = 8

// proxyRoute is the Route to the account's outbound proxy (RFC 3261 §8.1.2): none
// without one. Proxy is a URI or host[:port].
func (a Account) proxyRoute() ([]sipmsg.Uri, error) {
	if a.Proxy == "" {
		return nil, nil
	}
	text := a.Proxy
	if !strings.HasPrefix(text, "sip:") && !strings.HasPrefix(text, "sips:") {
		text = "sip:" + text
	}
	parsed, err := ParseURI(text)
	if err != nil {
		return nil, fmt.Errorf("outbound proxy of account %s: %w", a.id(), err)
	}
	parsed.User = ""
	u, err := toUri(parsed)
	if err != nil {
		return nil, fmt.Errorf("outbound proxy of account %s: %w", a.id(), err)
	}
	if u.UriParams == nil {
		u.UriParams = sipmsg.NewParams()
	}
	if !u.UriParams.Has("lr") {
		u.UriParams.Add("lr", "")
	}
	if a.Transport.stream() && transportParam(&u) == Any && !isSIPS(&u) {
		u.UriParams.Add("transport", a.Transport.param())
	}
	return []sipmsg.Uri{u}, nil
}

// joinRoutes puts the routes of the registrar behind the proxy's, which may be the
// first of them.
func joinRoutes(proxy, service []sipmsg.Uri) []sipmsg.Uri {
	if len(proxy) > 0 && len(service) > 0 && samePlace(&proxy[0], &service[0]) {
		return service
	}
	return append(append([]sipmsg.Uri{}, proxy...), service...)
}

func samePlace(a, b *sipmsg.Uri) bool {
	return strings.EqualFold(bareHost(a.Host), bareHost(b.Host)) && transportParam(a).portOr(a.Port) == transportParam(b).portOr(b.Port)
}

// serviceRoutes reads the Service-Route of a 2xx to REGISTER (RFC 3608 §5). Only loose
// routers are taken.
func serviceRoutes(res *sipmsg.Response) []sipmsg.Uri {
	var out []sipmsg.Uri
	for _, v := range tokens(headerValues(res, "Service-Route")) {
		var u sipmsg.Uri
		var params sipmsg.HeaderParams
		if len(v) > maxURI || len(out) == maxServiceRoutes {
			break
		}
		if _, err := sipmsg.ParseAddressValue(v, &u, &params); err == nil && u.Host != "" && isLoose(u) {
			out = append(out, u)
		}
	}
	return out
}

// setRoutes gives a request outside dialogs its Route header fields.
func setRoutes(req *sipmsg.Request, routes []sipmsg.Uri) {
	for _, r := range routes {
		req.AppendHeader(&sipmsg.RouteHeader{Address: r})
	}
}

// registrationOf finds the registration of an account; nil when there is none.
func (ua *UserAgent) registrationOf(a Account) *Registration {
	ua.mu.Lock()
	defer ua.mu.Unlock()
	for r := range ua.regs {
		if r.current().id() == a.id() {
			return r
		}
	}
	return nil
}

// serviceRoute is what the registrar gave, while the account is registered.
func (r *Registration) serviceRoute() []sipmsg.Uri {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.services
}

// way is the hop that the last successful REGISTER took.
func (r *Registration) way() hop {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.flow
}
