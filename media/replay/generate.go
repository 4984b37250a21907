package replay

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Model is a kind of network, for Generate.
type Model int

// The models, of the kinds of testdata/traces. Delays are in ms. Packets keep
// their order but in Reorder: one that is fast waits behind a slow one, as in a
// queue.
//
//	          least  jitter          what else happens
//	Clean        20  even, 0 to 1
//	Uniform      20  even, 0 to 40
//	WiFi         15  exponential, 6  0.3 % lost; every 3.6 s on average all waits for 50 to 180
//	                                 ms for the air to be free, then comes at once
//	LTE          35  slow, about 15  0.3 % lost; every 8 s on average a handover holds all back
//	                                 for 150 to 350 ms
//	Loss         30  exponential, 4  5 % lost, each packet by itself
//	Burst        30  exponential, 4  Gilbert-Elliott: the network becomes bad at 1.7 % of the
//	                                 packets and good again at 30 %; while bad, 95 % are lost
//	Step         20  exponential, 3  every 18 s the path becomes 120 ms longer, or short again
//	Drift        20  exponential, 4  the sender's clock is 290 ppm too slow for the listener's
//	Bloat        25  exponential, 5  a queue of up to 300 ms fills and drains once in 20 s
//	Reorder      20  exponential, 4  3 % of the packets take a path that is 40 ms longer
const (
	Clean Model = iota
	Uniform
	WiFi
	LTE
	Loss
	Burst
	Step
	Drift
	Bloat
	Reorder
)

var modelNames = [...]string{
	Clean: "clean", Uniform: "uniform", WiFi: "wifi", LTE: "lte", Loss: "loss",
	Burst: "burst", Step: "step", Drift: "drift", Bloat: "bloat", Reorder: "reorder",
}

// Models returns all models.
func Models() []Model {
	all := make([]Model, len(modelNames))
	for i := range all {
		all[i] = Model(i)
	}
	return all
}

// String returns the model's name in lower case.
func (m Model) String() string {
	if m < 0 || int(m) >= len(modelNames) {
		return "invalid"
	}
	return modelNames[m]
}

// ParseModel reads a model's name.
func ParseModel(name string) (Model, error) {
	if i := slices.Index(modelNames[:], strings.ToLower(name)); i >= 0 {
		return Model(i), nil
	}
	return 0, fmt.Errorf("network %q is unknown: use one of %s", name, strings.Join(modelNames[:], ", "))
}

// parameters of a model; times in ms.
type parameters struct {
	least       float64 // delay of the fastest packet
	even        float64 // jitter from 0 to this, evenly spread
	exponential float64 // mean of exponential jitter
	slow        float64 // mean of jitter that changes little from packet to packet

	loss         float64    // share of packets lost
	worsen, mend float64    // Gilbert-Elliott: chance to turn bad, and good again, at each packet
	lossWhileBad float64    // share of packets lost while bad
	stallEvery   float64    // mean time between stalls
	stall        [2]float64 // least and longest stall

	step, stepEvery  float64 // detour, and how long it is taken and left alone
	ppm              float64 // by which the sender's clock is slow
	queue, queueTime float64 // longest queue, and period of filling and draining
	detour, share    float64 // a longer path and the share of packets that take it
}

func (m Model) parameters() parameters {
	switch m {
	case Uniform:
		return parameters{least: 20, even: 40}
	case WiFi:
		return parameters{least: 15, exponential: 6, loss: 0.003, stallEvery: 3600, stall: [2]float64{50, 180}}
	case LTE:
		return parameters{least: 35, slow: 15, loss: 0.003, stallEvery: 8000, stall: [2]float64{150, 350}}
	case Loss:
		return parameters{least: 30, exponential: 4, loss: 0.05}
	case Burst:
		return parameters{least: 30, exponential: 4, worsen: 0.017, mend: 0.3, lossWhileBad: 0.95}
	case Step:
		return parameters{least: 20, exponential: 3, step: 120, stepEvery: 18000}
	case Drift:
		return parameters{least: 20, exponential: 4, ppm: 290}
	case Bloat:
		return parameters{least: 25, exponential: 5, queue: 300, queueTime: 20000}
	case Reorder:
		return parameters{least: 20, exponential: 4, detour: 40, share: 0.03}
	default:
		return parameters{least: 20, even: 1}
	}
}

// Generate makes a trace of so many packets of 20 ms. The same model, seed and
// number give the same trace everywhere; more packets only go on.
func Generate(m Model, seed uint64, packets int) Trace {
	n := network{parameters: m.parameters(), random: rand.New(rand.NewPCG(seed, 0x7472616365))}
	if n.stallEvery > 0 {
		n.stallAt = n.random.ExpFloat64() * n.stallEvery
	}
	trace := make(Trace, 0, min(max(packets, 0), maxPackets))
	for i := range cap(trace) {
		sent := float64(i) * ms(packetTime)
		arrived, lost := n.carry(sent)
		p := Packet{SequenceNumber: i, Sent: millis(sent), Lost: lost}
		if !lost {
			p.Arrived = millis(arrived)
		}
		trace = append(trace, p)
	}
	return trace
}

// millis is exact to the microsecond, which is what a trace file holds.
func millis(ms float64) time.Duration {
	return time.Duration(math.Round(ms*1000)) * time.Microsecond
}

// network carries one packet after the other.
type network struct {
	parameters
	random  *rand.Rand
	bad     bool
	stallAt float64 // when the next stall begins
	held    float64 // when the last stall ended
	newest  float64 // latest arrival: nothing overtakes
	wave    [2]float64
}

// carry sends a packet at a time and returns when it arrives. The same number of
// random values is drawn for each, lost or not.
func (n *network) carry(sent float64) (arrived float64, lost bool) {
	arrived = sent + n.least + n.jitter() + n.path(sent)
	turn, gone, detour := n.random.Float64(), n.random.Float64(), n.random.Float64() < n.share
	lost = gone < n.loss
	switch {
	case !n.bad && turn < n.worsen:
		n.bad = true
	case n.bad && turn < n.mend:
		n.bad = false
	}
	if n.bad && gone < n.lossWhileBad {
		lost = true
	}
	if n.stallEvery > 0 {
		arrived = n.waitForStall(sent, arrived)
	}
	if detour {
		return arrived + n.detour, lost
	}
	if n.share == 0 && !lost {
		arrived = max(arrived, n.newest)
		n.newest = arrived
	}
	return arrived, lost
}

// jitter has the distribution of the model. The slow one is the energy of two
// waves of noise that forget a tenth of themselves at each packet.
func (n *network) jitter() float64 {
	a, b, c := n.random.Float64(), n.random.ExpFloat64(), [2]float64{n.random.NormFloat64(), n.random.NormFloat64()}
	const keep = 0.9
	slow := 0.0
	for i := range n.wave {
		n.wave[i] = keep*n.wave[i] + math.Sqrt(1-keep*keep)*c[i]
		slow += n.wave[i] * n.wave[i] / 2
	}
	return n.even*a + n.exponential*b + n.slow*slow
}

// path is what the way adds by itself at a time.
func (n *network) path(at float64) float64 {
	extra := at * n.ppm / 1e6
	if n.stepEvery > 0 && int(at/n.stepEvery)%2 == 1 {
		extra += n.step
	}
	if n.queueTime > 0 {
		const steepness = 1.8 // it is short for longer than it is full
		extra += n.queue * math.Pow((1-math.Cos(2*math.Pi*at/n.queueTime))/2, steepness)
	}
	return extra
}

// waitForStall holds a packet until a stall in which it would be under way is
// over.
func (n *network) waitForStall(sent, arrived float64) float64 {
	for sent >= n.stallAt {
		n.held = n.stallAt + n.stall[0] + n.random.Float64()*(n.stall[1]-n.stall[0]) + n.least
		n.stallAt += n.random.ExpFloat64() * n.stallEvery
	}
	return max(arrived, n.held)
}
