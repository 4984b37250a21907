package control

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/softphone-go/softphone/control/api"
)

// gate is what every request passes before a route sees it.
func (s *Server) gate(mux *http.ServeMux, limits bodyLimits) http.Handler {
	answers := newReplays()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.recover(w, r)
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		switch {
		case !s.hostAllowed(r.Host):
			write(w, problem(http.StatusMisdirectedRequest, api.CodeHostNotAllowed,
				"the Host header does not name this machine; use the address the phone listens on, or localhost"))
			return
		case !originAllowed(r):
			write(w, problem(http.StatusForbidden, api.CodeOriginNotAllowed, "pages of other sites may not use the control API"))
			return
		}
		if c := r.Header.Get(api.HeaderChallenge); c != "" && len(c) <= api.MaxChallenge {
			h.Set(api.HeaderProof, api.Proof(s.token, c, s.discovery.Address))
		}
		if !s.authorized(r) && !s.openTo(r) {
			h.Set("WWW-Authenticate", `Bearer realm="softphone"`)
			write(w, problem(http.StatusUnauthorized, api.CodeUnauthorized,
				"the bearer token is missing or wrong; send Authorization: Bearer with the content of the token file"))
			return
		}
		_, pattern := mux.Handler(r)
		if pattern == "" {
			unknown(w, r, mux)
			return
		}
		limit := limits.of(pattern)
		if r.ContentLength > limit {
			tooLarge(w, r, limit)
			return
		}
		answers.serve(w, r, limit, mux)
	})
}

// hostAllowed reports whether the Host header names a loopback address, and our
// port: the name of another site that has been pointed at this machine does not
// (DNS rebinding).
func (s *Server) hostAllowed(hostport string) bool {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]"), "80"
	}
	if s.local.IsValid() && port != strconv.Itoa(int(s.local.Port())) {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// originAllowed refuses requests that a page of another site makes.
func originAllowed(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		return false
	}
	origin := r.Header.Values("Origin")
	return len(origin) == 0 || len(origin) == 1 && strings.EqualFold(origin[0], "http://"+r.Host)
}

// authorized checks the bearer token (RFC 6750 §2.1). It is taken from the
// header only: an address would end up in histories and logs.
func (s *Server) authorized(r *http.Request) bool {
	given := r.Header.Values("Authorization")
	if len(given) != 1 {
		return false
	}
	scheme, token, ok := strings.Cut(given[0], " ")
	return ok && strings.EqualFold(scheme, "Bearer") && sameToken(strings.TrimSpace(token), s.token)
}

// openTo reports whether a request needs no token: that for the figures, when
// the Config says so.
func (s *Server) openTo(r *http.Request) bool {
	return s.cfg.OpenMetrics && s.cfg.Metrics != nil && r.Method == http.MethodGet && r.URL.Path == metricsPath
}

// recover answers for a route that panicked.
func (s *Server) recover(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	s.log.Error("a route of the control API failed", "method", r.Method, "route", r.Pattern, "panic", v)
	s.log.Log(r.Context(), slog.LevelDebug, "stack", "stack", string(debug.Stack()))
	write(w, problem(http.StatusInternalServerError, api.CodeInternal, "the phone could not do this; its log says why"))
}

// unknown answers for what no route takes: as the mux would, as a problem.
func unknown(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	verdict := headerOnly{header: make(http.Header)}
	mux.ServeHTTP(&verdict, r)
	if verdict.status == http.StatusMethodNotAllowed {
		allow := verdict.header.Get("Allow")
		w.Header().Set("Allow", allow)
		write(w, problem(verdict.status, api.CodeMethodNotAllowed, r.Method+" is not for this path; use "+allow))
		return
	}
	write(w, problem(http.StatusNotFound, api.CodeNotFound, "there is nothing at this path; /openapi.json lists what there is"))
}

// headerOnly is a response whose body nobody needs.
type headerOnly struct {
	header http.Header
	status int
}

func (h *headerOnly) Header() http.Header         { return h.header }
func (h *headerOnly) Write(p []byte) (int, error) { return len(p), nil }
func (h *headerOnly) WriteHeader(status int)      { h.status = status }

// bodyLimits is how many bytes a body may have, by the mux's pattern.
type bodyLimits map[string]int64

const defaultBody = 1 << 20

func (b bodyLimits) of(pattern string) int64 {
	if limit, ok := b[pattern]; ok {
		return limit
	}
	return defaultBody
}

// tooLarge refuses a body before it is read. The reader of one byte too many
// makes net/http wait a moment before it closes the connection, so that a sender
// who is still writing sees the answer.
func tooLarge(w http.ResponseWriter, r *http.Request, limit int64) {
	if r.Header.Get("Expect") == "" {
		_, _ = http.MaxBytesReader(w, r.Body, 0).Read(make([]byte, 1))
	}
	write(w, problem(http.StatusRequestEntityTooLarge, api.CodeTooLarge,
		fmt.Sprintf("the body has %d bytes; at most %d are read", r.ContentLength, limit)))
}
