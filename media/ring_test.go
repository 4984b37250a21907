package media

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRing_DropsWhatDoesNotFit(t *testing.T) {
	from := netip.AddrPortFrom(ourAddr, 1)
	r := newRing(4, 100)
	r.put(bytes.Repeat([]byte{1}, 60), from, 1)
	r.put(bytes.Repeat([]byte{2}, 50), from, 2) // octets run out
	r.put(bytes.Repeat([]byte{3}, 40), from, 3)
	assert.EqualValues(t, 1, r.overflows.Load())
	s, data, ok := r.peek()
	require.True(t, ok)
	assert.Equal(t, bytes.Repeat([]byte{1}, 60), data)
	assert.EqualValues(t, 1, s.arrival)
	r.pop()
	for range 5 { // slots run out
		r.put([]byte{4}, from, 4)
	}
	assert.EqualValues(t, 3, r.overflows.Load())
	r.put(nil, from, 5)
	_, data, _ = r.peek()
	assert.Len(t, data, 40)
}

func TestRing_KeepsOrderBetweenGoroutines(t *testing.T) {
	const total = 20000
	r := newRing(16, 1000)
	var wg sync.WaitGroup
	wg.Go(func() {
		rng := rand.New(rand.NewPCG(1, 2))
		for i := 0; i < total; {
			p := bytes.Repeat([]byte{byte(i)}, rng.IntN(200))
			before := r.overflows.Load()
			r.put(p, netip.AddrPort{}, time.Duration(i))
			if r.overflows.Load() == before {
				i++
			} else {
				runtime.Gosched()
			}
		}
	})
	for i := 0; i < total; {
		s, data, ok := r.peek()
		if !ok {
			runtime.Gosched()
			continue
		}
		if s.arrival != time.Duration(i) || bytes.Count(data, []byte{byte(i)}) != len(data) && len(data) > 0 {
			t.Fatalf("datagram %d is damaged", i)
		}
		r.pop()
		i++
	}
	wg.Wait()
}
