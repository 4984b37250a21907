package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
)

// The ports handed out lie below those that the programs under test take by
// themselves: for sound from 16384 on, and the system's from 32768 on.
const (
	firstPort  = 9000 // SIPp takes one from 8888 on for its console
	endOfPorts = 16384
)

// ports hands out ports, each once, so that tests running side by side do not meet.
var ports = portList{next: firstPort + 10*rand.IntN(100)}

type portList struct {
	mu   sync.Mutex
	next int
}

// block returns the first of n free ports in a row, an even one.
func (p *portList) block(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range 2000 {
		if p.next+n > endOfPorts {
			p.next = firstPort
		}
		first := p.next
		p.next += n + n%2
		if allFree(first, n) {
			return first
		}
	}
	panic(fmt.Sprintf("no %d free ports in a row from %d to %d", n, firstPort, endOfPorts))
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
