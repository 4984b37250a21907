package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
)

// ports hands out ports below the ephemeral range, each once, so that tests
// running side by side do not meet.
var ports = portList{next: 12000 + 10*rand.IntN(1200)}

type portList struct {
	mu   sync.Mutex
	next int
}

// block returns the first of n free ports in a row, an even one.
func (p *portList) block(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range 2000 {
		if p.next+n > 32000 {
			p.next = 12000
		}
		first := p.next
		p.next += n + n%2
		if allFree(first, n) {
			return first
		}
	}
	panic("no free ports between 12000 and 32000")
}

func (p *portList) one() int { return p.block(2) }

func allFree(first, n int) bool {
	for port := first; port < first+n; port++ {
		udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback(port)))
		if err != nil {
			return false
		}
		_ = udp.Close()
		tcp, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(loopback(port)))
		if err != nil {
			return false
		}
		_ = tcp.Close()
	}
	return true
}

func loopback(port int) netip.AddrPort {
	return netip.MustParseAddrPort(fmt.Sprintf("127.0.0.1:%d", port))
}
