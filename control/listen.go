package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"
)

// ErrNotLoopback refuses an address that other machines can reach.
var ErrNotLoopback = errors.New("is not a loopback address: the control API has no encryption and is for this machine only; use 127.0.0.1:PORT, [::1]:PORT or unix:PATH")

// unixScheme begins the address of a Unix socket.
const unixScheme = "unix:"

// CheckAddress checks an address for Config.Address: HOST:PORT with a loopback
// address or localhost, or unix:PATH. It opens nothing.
func CheckAddress(address string) error {
	if path, ok := strings.CutPrefix(address, unixScheme); ok {
		if path == "" {
			return fmt.Errorf("%q has no path; give unix:PATH", address)
		}
		return nil
	}
	_, err := loopback(address)
	return err
}

// loopback reads HOST:PORT and refuses what is not this machine's alone. A name
// other than localhost is never resolved: what it means may change.
func loopback(address string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is no address for the control API; give 127.0.0.1:PORT, [::1]:PORT or unix:PATH", address)
	}
	if strings.EqualFold(host, "localhost") {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil {
		if ip := net.ParseIP(host); ip == nil {
			return netip.AddrPort{}, fmt.Errorf("%q %w", address, ErrNotLoopback)
		}
		return netip.AddrPort{}, fmt.Errorf("%q: the port must be a number from 0 to 65535", address)
	}
	if !addr.Addr().IsLoopback() {
		return netip.AddrPort{}, fmt.Errorf("%q %w", address, ErrNotLoopback)
	}
	return addr, nil
}

// listen opens the address; url is what a client is told.
func (c *Config) listen(ctx context.Context) (l net.Listener, url string, err error) {
	if path, ok := strings.CutPrefix(c.Address, unixScheme); ok {
		if path == "" {
			return nil, "", CheckAddress(c.Address)
		}
		l, err = listenUnix(ctx, path)
		return l, c.Address, err
	}
	addr, err := loopback(c.Address)
	if err != nil {
		return nil, "", err
	}
	open := c.Listen
	if open == nil {
		open = new(net.ListenConfig).Listen
	}
	if l, err = open(ctx, "tcp", addr.String()); err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, "", fmt.Errorf("the control API cannot listen on %s: the port is in use, perhaps by another phone; give another one", addr)
		}
		return nil, "", fmt.Errorf("the control API cannot listen on %s: %w", addr, err)
	}
	return l, "http://" + l.Addr().String(), nil
}

// listenUnix opens a socket that only its owner may connect to. A socket that a
// killed process left behind is replaced, one that somebody answers is not.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("the control API cannot listen on %s: %w", path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("the control API cannot listen on %s: there is a file that is no socket; give another path", path)
	default:
		d := net.Dialer{Timeout: time.Second}
		if c, err := d.DialContext(ctx, "unix", path); err == nil {
			_ = c.Close()
			return nil, fmt.Errorf("the control API cannot listen on %s: another process listens there; stop it or give another path", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("the control API cannot replace the socket %s: %w", path, err)
		}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("the control API cannot listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("the control API cannot keep the socket %s to its owner: %w", path, err)
	}
	return l, nil
}
