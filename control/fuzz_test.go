package control

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever is delivered, what comes out is JSON that was in it, in order.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `[{},{}]`, `{"directive":{"a":1}}`, `{"directives":[{},1,null]}`, `{"directives":null}`, `{"directives":{}}`, `{"directive":null}`,
		`{"directive":{},"directives":[]}`, `null`, `1`, `"x"`, ` [1]x`, `{"directives":[`, "\xff", "", `{"DIRECTIVES":[{}]}`, `[[{}]]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		each, err := split(data)
		if err != nil {
			assert.False(t, json.Valid(data) && len(bytes.Trim(data, " \t\r\n")) > 0, "JSON is taken apart: %v", err)
			return
		}
		require.True(t, json.Valid(data))
		at := 0
		for _, one := range each {
			require.True(t, json.Valid(one))
			i := bytes.Index(data[at:], one)
			require.GreaterOrEqual(t, i, 0)
			at += i + len(one)
		}
		acceptedOf(0, data) // never panics
	})
}

// Whatever a Host header holds, only loopback and our port pass.
func FuzzHost(f *testing.F) {
	for _, seed := range []string{
		"127.0.0.1:8780", "localhost:8780", "[::1]:8780", "evil.example:8780", "127.0.0.1", "", ":8780", "[::1", "::1:8780", "127.0.0.1:8780:8780",
		"LOCALHOST:8780", "localhost.:8780", "127.0.0.1%eth0:8780", "[::ffff:127.0.0.1]:8780", "0x7f.1:8780", "2130706433:8780",
	} {
		f.Add(seed)
	}
	s := &Server{local: netip.MustParseAddrPort("127.0.0.1:8780")}
	f.Fuzz(func(t *testing.T, hostport string) {
		if !s.hostAllowed(hostport) {
			return
		}
		host, port, err := net.SplitHostPort(hostport)
		require.NoError(t, err)
		assert.Equal(t, "8780", port)
		if !strings.EqualFold(host, "localhost") {
			assert.True(t, netip.MustParseAddr(host).IsLoopback(), hostport)
		}
	})
}

// Whatever address is given, none that passes is reached from elsewhere.
func FuzzCheckAddress(f *testing.F) {
	for _, seed := range []string{
		"127.0.0.1:0", "[::1]:8780", "localhost:1", "unix:/x", "unix:", "0.0.0.0:1", ":1", "[::]:1", "example.com:1", "127.0.0.1:99999", "::1", "[::1%lo]:1", "[::ffff:8.8.8.8]:1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if CheckAddress(address) != nil || strings.HasPrefix(address, unixScheme) {
			return
		}
		addr, err := loopback(address)
		require.NoError(t, err)
		assert.True(t, addr.Addr().IsLoopback())
	})
}

// Whatever a reader says of where it stands, it is a number or refused.
func FuzzSince(f *testing.F) {
	for _, seed := range [][2]string{{"", ""}, {"0", ""}, {"42", "43"}, {"-1", ""}, {"+1", ""}, {"1e9", ""}, {"0x1", ""}, {"9223372036854775808", ""}, {"", "x"}, {" 1", ""}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, query, header string) {
		r := httptest.NewRequest(http.MethodGet, "/v1/events?since="+url.QueryEscape(query), nil)
		r.Header.Set("Last-Event-ID", header)
		since, live, refused := sinceOf(r)
		given := header
		if given == "" {
			given = query
		}
		assert.Equal(t, given == "", live)
		n, err := strconv.ParseUint(given, 10, 64)
		if err == nil && n < 1<<62 {
			assert.Nil(t, refused)
			assert.Equal(t, n, since)
		} else if !live {
			require.NotNil(t, refused)
		}
	})
}
