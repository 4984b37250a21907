package store

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The test program runs itself as a child: with these arguments it appends
// events to the store at a path and prints the number of each acknowledged one.
const (
	childFlag = "-store-child="
	endless   = 1 << 30
)

func child() {
	if len(os.Args) != 4 || !strings.HasPrefix(os.Args[1], childFlag) {
		return
	}
	path, name := strings.TrimPrefix(os.Args[1], childFlag), os.Args[2]
	count, err := strconv.Atoi(os.Args[3])
	if err != nil {
		os.Exit(2)
	}
	s, err := Open(context.Background(), path, Options{QueueLimit: 1 << 30})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	slots := make(chan struct{}, 50)
	for i := range count {
		id := fmt.Sprintf("%s-%d", name, i)
		slots <- struct{}{}
		row := &HistoryRow{CallID: id, Type: HistoryIn, Ended: time.Now()}
		s.Append(Event{ID: id, Type: "call.ended", Subject: id}, row, func(seq uint64, err error) {
			if err != nil {
				fmt.Println("error", err)
			} else {
				fmt.Println(seq, id)
			}
			<-slots
		})
	}
	if err := s.Close(); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

type ack struct {
	seq uint64
	id  string
}

// start runs a child; read returns what it acknowledged.
func start(t *testing.T, path, name string, count int) (cmd *exec.Cmd, read func(stop int) []ack) {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd = exec.Command(exe, childFlag+path, name, strconv.Itoa(count))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	return cmd, func(stop int) (acks []ack) {
		for len(acks) < stop {
			line, err := lines.ReadString('\n')
			if err != nil {
				assert.ErrorIs(t, err, io.EOF)
				return acks // a line cut short by the kill is no acknowledgement
			}
			var a ack
			_, err = fmt.Sscan(line, &a.seq, &a.id)
			if !assert.NoError(t, err, line) {
				return acks
			}
			acks = append(acks, a)
		}
		return acks
	}
}

func verify(t *testing.T, s *Store, acks []ack) {
	t.Helper()
	byID := map[string]uint64{}
	last := uint64(0)
	for {
		events, err := s.Events(t.Context(), last, 0)
		require.NoError(t, err)
		if len(events) == 0 {
			break
		}
		for _, ev := range events {
			require.Equal(t, last+1, ev.Seq, "without holes")
			byID[ev.ID], last = ev.Seq, ev.Seq
		}
	}
	rows := map[string]int{}
	for before := int64(0); ; {
		page, err := s.History(t.Context(), HistoryFilter{BeforeID: before, Limit: maxHistory})
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			rows[r.CallID]++
			before = r.ID
		}
	}
	for _, a := range acks {
		require.Equal(t, a.seq, byID[a.id], "event %s was acknowledged", a.id)
	}
	require.Len(t, rows, len(byID), "as many rows as events")
	for id := range byID {
		require.Equal(t, 1, rows[id], "the row of %s", id)
	}
}

// A process killed at any moment has lost nothing that it acknowledged.
func TestAppend_SurvivesKill(t *testing.T) {
	path := temp(t)
	var all []ack
	for round := range 6 {
		name := fmt.Sprint("round", round)
		cmd, read := start(t, path, name, endless)
		acks := read(1 + rand.IntN(600))
		require.NoError(t, cmd.Process.Kill())
		acks = append(acks, read(endless)...)
		_ = cmd.Wait() // killed
		require.NotEmpty(t, acks)
		for i, a := range acks {
			require.Equal(t, fmt.Sprintf("%s-%d", name, i), a.id, "acknowledged in order")
			require.True(t, i == 0 || a.seq == acks[i-1].seq+1)
		}
		all = append(all, acks...)
		s := open(t, path, Options{})
		_, recovered := s.Recovered()
		require.False(t, recovered)
		verify(t, s, all)
		require.NoError(t, s.Close())
	}
}

// Two processes and this one append to one file, and a cursor here sees all.
func TestAppend_FromSeveralProcesses(t *testing.T) {
	path := temp(t)
	const each = 300
	a, readA := start(t, path, "a", each)
	b, readB := start(t, path, "b", each)
	s := open(t, path, Options{})
	for i := range each {
		s.Append(Event{ID: fmt.Sprintf("c-%d", i), Type: "call.ended"}, &HistoryRow{CallID: fmt.Sprintf("c-%d", i), Ended: time.Now()}, nil)
	}
	acks := append(readA(each), readB(each)...)
	require.Len(t, acks, 2*each)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c := s.Cursor(0)
	for want := uint64(1); want <= 3*each; want++ {
		ev, err := c.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, want, ev.Seq)
	}
	require.NoError(t, a.Wait())
	require.NoError(t, b.Wait())
	verify(t, s, acks)
}
