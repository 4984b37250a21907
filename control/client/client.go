package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/softphone-go/softphone/control/api"
)

const (
	// requestTime bounds a request whose context has no deadline.
	requestTime = time.Minute
	maxAnswer   = 256 << 20
	maxToken    = 512
	unixScheme  = "unix:"
)

// Config says where the phone is.
type Config struct {
	Address string // "http://127.0.0.1:8780", "127.0.0.1:8780" or "unix:/path"
	Token   string // the bearer token; empty: that in TokenFile
	// TokenFile is the file that the phone was given, or made.
	TokenFile string
	// Dial opens connections. Nil: the operating system's.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Client is a connection to a phone. All methods are safe for concurrent use; a
// request without a deadline in its context is given up after a minute.
type Client struct {
	address string // as the phone says it
	base    string // of URLs
	token   string
	http    *http.Client
}

// New returns a client; it connects with the first request.
func New(cfg Config) (*Client, error) {
	token := cfg.Token
	if token == "" {
		var err error
		if token, err = readToken(cfg.TokenFile); err != nil {
			return nil, err
		}
	}
	dial := cfg.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	c := &Client{address: cfg.Address, token: token}
	if path, ok := strings.CutPrefix(cfg.Address, unixScheme); ok {
		c.base = "http://localhost"
		over := dial
		dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return over(ctx, "unix", path) }
	} else {
		host := strings.TrimSuffix(strings.TrimPrefix(cfg.Address, "http://"), "/")
		if _, _, err := net.SplitHostPort(host); err != nil {
			return nil, fmt.Errorf("%q is no address of a control API; give http://127.0.0.1:PORT or unix:/path", cfg.Address)
		}
		c.base = "http://" + host
		c.address = c.base
	}
	c.http = &http.Client{
		// No proxy, and no redirects: the token is for the phone alone.
		Transport:     &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// Close closes idle connections. The client stays usable.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Address returns where the phone is: "http://127.0.0.1:8780" or "unix:/path".
func (c *Client) Address() string { return c.address }

func readToken(path string) (string, error) {
	if path == "" {
		return "", errors.New("no token is given, and no file that holds it")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("the token cannot be read: %w", err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxToken+2))
	if err != nil {
		return "", fmt.Errorf("the token cannot be read: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("%s holds no token", path)
	}
	return token, nil
}

// call makes one request. in, if not nil, is sent as JSON; the answer is read
// into out, if that is not nil.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	if in == nil {
		return c.send(ctx, method, path, query, "", nil, out)
	}
	data, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("the request cannot be written as JSON: %w", err)
	}
	return c.send(ctx, method, path, query, "application/json", data, out)
}

func (c *Client) send(ctx context.Context, method, path string, query url.Values, kind string, data []byte, out any) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, requestTime)
		defer cancel()
	}
	address := c.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(data))
	if err != nil {
		return err
	}
	c.authorize(req.Header)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if data, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return c.unreachable(err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return problemOf(resp, data)
	}
	switch out := out.(type) {
	case nil:
		return nil
	case *json.RawMessage:
		*out = data
		return nil
	default:
		if err := json.Unmarshal(data, out); err != nil {
			return fmt.Errorf("the phone's answer is not as expected: %w", err)
		}
		return nil
	}
}

func (c *Client) authorize(h http.Header) { h.Set("Authorization", "Bearer "+c.token) }

// unreachable names the phone in an error of the network, without the query of
// the request: it may hold a number.
func (c *Client) unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Errorf("the phone at %s cannot be reached: %w", c.address, err)
}

// problemOf reads what was refused.
func problemOf(resp *http.Response, data []byte) error {
	p := new(api.Problem)
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind == api.ProblemType && json.Unmarshal(data, p) == nil && p.Status == resp.StatusCode {
		return p
	}
	return fmt.Errorf("the answer was %s, and not that of a phone", resp.Status)
}
