package stun

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/pion/stun/v3"
)

// DefaultPort is where a server listens when no port is given (RFC 8489 §13).
const DefaultPort = 3478

// maxMessage bounds what is taken for an answer to a Binding request.
const maxMessage = 1500

// ErrRefused reports an error response.
var ErrRefused = errors.New("the STUN server refused the request")

// ID is the transaction of a request; who can repeat it has seen the request
// (RFC 8489 §5).
type ID [stun.TransactionIDSize]byte

// Is says whether a datagram is STUN and not SIP or RTP, by its first two bits and the
// magic cookie (RFC 8489 §5).
func Is(data []byte) bool { return len(data) > 0 && data[0] < 4 && stun.IsMessage(data) }

// Request makes a Binding request.
func Request() (ID, []byte) {
	m := stun.MustBuild(stun.TransactionID, stun.BindingRequest)
	return m.TransactionID, m.Raw
}

// Answer reads a response to a Binding request: which one, and where its server saw us.
// The id counts also when there is an error, which is ErrRefused for an error response
// of the server.
func Answer(data []byte) (ID, netip.AddrPort, error) {
	if !Is(data) || len(data) > maxMessage {
		return ID{}, netip.AddrPort{}, errors.New("not a STUN message")
	}
	m := &stun.Message{Raw: append([]byte(nil), data...)}
	if err := m.Decode(); err != nil {
		return ID{}, netip.AddrPort{}, fmt.Errorf("STUN message: %w", err)
	}
	id := ID(m.TransactionID)
	switch m.Type {
	case stun.BindingSuccess:
	case stun.BindingError:
		var code stun.ErrorCodeAttribute
		_ = code.GetFrom(m)
		return id, netip.AddrPort{}, fmt.Errorf("%w: %d", ErrRefused, code.Code)
	default:
		return ID{}, netip.AddrPort{}, errors.New("STUN message is no response to a Binding request")
	}
	mapped, err := address(m)
	return id, mapped, err
}

// address reads XOR-MAPPED-ADDRESS, or what servers before RFC 5389 sent in its place.
func address(m *stun.Message) (netip.AddrPort, error) {
	var x stun.XORMappedAddress
	if err := x.GetFrom(m); err != nil {
		var plain stun.MappedAddress
		if plain.GetFrom(m) != nil {
			return netip.AddrPort{}, fmt.Errorf("STUN response without a mapped address: %w", err)
		}
		x.IP, x.Port = plain.IP, plain.Port
	}
	ip, ok := netip.AddrFromSlice(x.IP)
	if ip = ip.Unmap(); !ok || x.Port <= 0 || x.Port > 65535 || !ip.IsGlobalUnicast() && !ip.IsLoopback() {
		return netip.AddrPort{}, errors.New("STUN response with a mapped address that is none")
	}
	return netip.AddrPortFrom(ip, uint16(x.Port)), nil
}

// Reply answers a Binding request that came from source, as a server does; nil for
// anything else.
func Reply(request []byte, source netip.AddrPort) []byte {
	if !Is(request) || len(request) > maxMessage {
		return nil
	}
	m := &stun.Message{Raw: append([]byte(nil), request...)}
	if m.Decode() != nil || m.Type != stun.BindingRequest {
		return nil
	}
	reply, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
		&stun.XORMappedAddress{IP: source.Addr().Unmap().AsSlice(), Port: int(source.Port())})
	if err != nil {
		return nil
	}
	return reply.Raw
}
