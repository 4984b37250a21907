package audio

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func newMixer(t testing.TB, rate int) *Mixer {
	x, err := NewMixer(rate)
	require.NoError(t, err)
	return x
}

// hears is what a member reads at 8 kHz, the same in all samples.
func hears(t testing.TB, m *Member) int16 {
	f := numbered(8000, 12345)
	m.ReadFrame(f)
	for _, v := range f.Samples {
		require.Equal(t, f.Samples[0], v)
	}
	return f.Samples[0]
}

func TestMixer_EachHearsAllButItself(t *testing.T) {
	for _, c := range []struct {
		name       string
		say, heard []int16
	}{
		{"nobody else", []int16{100}, []int16{0}},
		{"two", []int16{100, 7}, []int16{7, 100}},
		{"three", []int16{100, 20, 3}, []int16{23, 103, 120}},
		{"as loud as can be", []int16{32767, 32767, 32767}, []int16{32767, 32767, 32767}},
		{"the loud one hears the others unclipped", []int16{32767, 20000, 10000}, []int16{30000, 32767, 32767}},
		{"negative", []int16{-32768, -32768, 5}, []int16{-32763, -32763, -32768}},
		{"they cancel", []int16{-500, 500, 1}, []int16{501, -499, 0}},
	} {
		x := newMixer(t, 8000)
		members := make([]*Member, len(c.say))
		for i, v := range c.say {
			members[i] = x.Join()
			members[i].WriteFrame(numbered(8000, v))
		}
		x.Mix()
		for i, m := range members {
			assert.Equal(t, c.heard[i], hears(t, m), "%s, member %d", c.name, i)
		}
	}
}

// TestMixer_AnyConference compares with adding up the others one by one.
func TestMixer_AnyConference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, err := NewMixer(8000)
		require.NoError(t, err)
		var members []*Member
		for range rapid.IntRange(1, 60).Draw(t, "members") {
			members = append(members, x.Join())
		}
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			said := make([]int32, len(members))
			for i, m := range members {
				if rapid.Bool().Draw(t, "spoke") {
					v := rapid.Int16().Draw(t, "sample")
					said[i] = int32(v)
					m.WriteFrame(numbered(8000, v))
				}
			}
			x.Mix()
			for i, m := range members {
				m.WriteFrame(numbered(8000, 99)) // of the step that comes: not heard yet
				sum := int32(0)
				for j, v := range said {
					if j != i {
						sum += v
					}
				}
				f := NewFrame(8000)
				m.ReadFrame(f)
				require.Equal(t, int16(min(max(sum, math.MinInt16), math.MaxInt16)), f.Samples[79])
			}
			x.Mix() // takes the 99s away
		}
	})
}

func TestMixer_GainMuteJoinLeave(t *testing.T) {
	x := newMixer(t, 8000)
	a, b, c := x.Join(), x.Join(), x.Join()
	step := func() {
		a.WriteFrame(numbered(8000, 1000))
		b.WriteFrame(numbered(8000, 100))
		c.WriteFrame(numbered(8000, 10))
		x.Mix()
	}
	a.SetGain(-20)
	step()
	assert.EqualValues(t, 110, hears(t, b)) // 1000 at -20 dB, and 10
	assert.EqualValues(t, 110, hears(t, a), "its own gain is for the others")
	b.SetMuted(true)
	assert.True(t, b.Muted())
	step() // fades
	step()
	assert.EqualValues(t, 10, hears(t, a))
	assert.EqualValues(t, 110, hears(t, b), "who is muted hears on")
	c.Leave()
	c.Leave()
	assert.Equal(t, 2, x.Members())
	step()
	assert.EqualValues(t, 0, hears(t, a))
	assert.EqualValues(t, 0, hears(t, c))
	d := x.Join()
	step()
	assert.EqualValues(t, 100, hears(t, d), "a at -20 dB")
	x.Mix()
	assert.EqualValues(t, 0, hears(t, d), "nobody wrote anything")
}

func TestMixer_MembersOfDifferentRates(t *testing.T) {
	x := newMixer(t, 48000)
	all := rates()
	var members []*Member
	var heard [5][]int16
	for range all {
		members = append(members, x.Join())
	}
	tone := func(i int) float64 { return 400 + 300*float64(i) }
	for n := range 100 {
		for i, m := range members {
			f := NewFrame(all[i])
			for k := range f.Samples {
				at := float64(n*len(f.Samples)+k) / float64(all[i])
				f.Samples[k] = int16(3000 * math.Sin(2*math.Pi*tone(i)*at))
			}
			m.WriteFrame(f)
		}
		x.Mix()
		for i, m := range members {
			f := NewFrame(all[i])
			m.ReadFrame(f)
			heard[i] = append(heard[i], f.Samples...)
		}
	}
	for i, rate := range all {
		for j := range all {
			level := levelAt(heard[i][rate/10:], rate, tone(j), 3000)
			if i == j {
				assert.Less(t, level, -50.0, "itself at %d Hz", rate)
			} else {
				assert.InDelta(t, 0, level, 0.1, "%d Hz heard at %d Hz", all[j], rate)
			}
		}
	}
	odd := NewFrame(11000)
	members[0].WriteFrame(odd)
	odd.Samples[0] = 5
	members[0].ReadFrame(odd)
	assert.Equal(t, make([]int16, 110), odd.Samples)
	_, err := NewMixer(11000)
	assert.ErrorContains(t, err, "11000")
	assert.Equal(t, 48000, x.Rate())
}

func TestMixer_DoesNotAllocate(t *testing.T) {
	x := newMixer(t, 16000)
	a, b := x.Join(), x.Join()
	narrow, wide := NewFrame(8000), NewFrame(16000)
	step := func() {
		a.WriteFrame(narrow)
		b.WriteFrame(wide)
		x.Mix()
		a.ReadFrame(narrow)
		b.ReadFrame(wide)
	}
	step()
	assert.Zero(t, testing.AllocsPerRun(100, step))
}

// BenchmarkMixer is one step of 10 ms at 8 kHz; ns/member is its share.
func BenchmarkMixer(b *testing.B) {
	for _, n := range []int{3, 10, 50} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			x := newMixer(b, 8000)
			var members []*Member
			for range n {
				members = append(members, x.Join())
			}
			f, out := &Frame{Rate: 8000, Samples: wave(8000, 80, 1000, 9000)}, NewFrame(8000)
			b.ReportAllocs()
			for b.Loop() {
				for _, m := range members {
					m.WriteFrame(f)
				}
				x.Mix()
				for _, m := range members {
					m.ReadFrame(out)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/member")
		})
	}
}
