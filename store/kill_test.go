package store

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/blocklist"
	"github.com/softphone-go/softphone/number"
	"github.com/softphone-go/softphone/phonebook"
)

// The test program runs itself as a child that writes block rules, contacts and
// history to the store at a path, all three at once, as a phone does, and tells
// its parent of each one that was acknowledged.
const (
	writerFlag  = "-store-writer="
	writerCount = 1000 // writes of one child
	lives       = 4    // what becomes of a contact: put, replaced twice, removed
)

func writer() {
	if len(os.Args) != 3 || !strings.HasPrefix(os.Args[1], writerFlag) {
		return
	}
	if err := writeAll(strings.TrimPrefix(os.Args[1], writerFlag), os.Args[2]); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func writeAll(path, round string) error {
	ctx := context.Background()
	s, err := Open(ctx, path, Options{})
	if err != nil {
		return err
	}
	plan, err := number.New("KR")
	if err != nil {
		return err
	}
	rules, err := blocklist.New(plan, blocklist.Options{Store: s.Rules()})
	if err != nil {
		return err
	}
	book, err := phonebook.Open(ctx, plan, s.Contacts())
	if err != nil {
		return err
	}
	jobs := []func(i int) error{
		func(i int) error {
			_, err := rules.Add(ctx, blocklist.Exact, fmt.Sprintf("user-%s-%d", round, i), "kill test")
			return err
		},
		func(i int) error { return liveContact(ctx, book, round, i) },
		func(i int) error {
			id := fmt.Sprintf("%s-%d", round, i)
			_, err := s.AppendWait(ctx, Event{ID: id, Type: "call.ended", Subject: id}, &HistoryRow{CallID: id, Type: HistoryBlocked, Ended: time.Now()})
			return err
		},
	}
	var wg sync.WaitGroup
	failed := make(chan error, len(jobs))
	for kind, job := range jobs {
		wg.Go(func() {
			for i := range writerCount / len(jobs) {
				if err := job(i); err != nil {
					failed <- err
					return
				}
				fmt.Println(kind, round, i) // one write to the pipe
			}
		})
	}
	wg.Wait()
	close(failed)
	if err := <-failed; err != nil {
		return err
	}
	return s.Close()
}

// liveContact is the i-th write to contacts: the contacts' lives one after the
// other.
func liveContact(ctx context.Context, book *phonebook.Book, round string, i int) error {
	token, age := fmt.Sprintf("%s-%d", round, i/lives), i%lives
	if age == lives-1 {
		c, ok := book.ByToken(token)
		if !ok {
			return fmt.Errorf("contact %s is gone", token)
		}
		return book.Remove(ctx, c.ID)
	}
	_, err := book.Put(ctx, contactOfAge(token, age))
	return err
}

// contactOfAge has as many numbers more as it is old, and tells its age.
func contactOfAge(token string, age int) phonebook.Contact {
	c := phonebook.Contact{Token: token, Name: "김민수 " + token, Category: fmt.Sprint(age)}
	for n := range age + 1 {
		c.Entries = append(c.Entries, phonebook.Entry{Label: phonebook.Home, Number: fmt.Sprintf("02%d%06d", age, n)})
	}
	return c
}

// acknowledged is how many writes of each kind a child told of.
type acknowledged [3]int

// writeAndKill runs a child until it has told of so many writes, and kills it.
func writeAndKill(t *testing.T, path, round string, after int) (acks acknowledged) {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe, writerFlag+path, round)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	for total := 0; ; total++ {
		if total == after {
			require.NoError(t, cmd.Process.Kill())
		}
		line, err := lines.ReadString('\n')
		if err != nil {
			assert.ErrorIs(t, err, io.EOF)
			break // a line cut short by the kill is no acknowledgement
		}
		var kind, i int
		var name string
		_, err = fmt.Sscan(line, &kind, &name, &i)
		require.NoError(t, err, line)
		require.Equal(t, round, name)
		require.Equal(t, acks[kind], i, "in order")
		acks[kind]++
	}
	_ = cmd.Wait() // killed
	return acks
}

// A process that is killed in the middle of writing block rules, contacts and
// history has lost nothing it acknowledged, and left nothing half written.
func TestKill_NothingAcknowledgedIsLost(t *testing.T) {
	path := temp(t)
	plan, err := number.New("KR")
	require.NoError(t, err)
	rounds := map[string]acknowledged{}
	total := 0
	for n := range 6 {
		round := fmt.Sprint("r", n)
		rounds[round] = writeAndKill(t, path, round, 1+rand.IntN(writerCount-50))
		s := open(t, path, Options{})
		_, recovered := s.Recovered()
		require.False(t, recovered, "the file is whole")
		rules, err := blocklist.New(plan, blocklist.Options{Store: s.Rules()})
		require.NoError(t, err)
		for round, acks := range rounds {
			checkRules(t, rules, plan, round, acks[0])
			checkContacts(t, s, round, acks[1])
			checkHistory(t, s, round, acks[2])
		}
		assert.LessOrEqual(t, rules.Len(), count(rounds, 0)+len(rounds), "one was under way at each kill")
		require.NoError(t, s.Close())
		total += rounds[round][0] + rounds[round][1] + rounds[round][2]
	}
	t.Logf("%d writes were acknowledged before the kills: %v", total, rounds)
}

func count(rounds map[string]acknowledged, kind int) (n int) {
	for _, acks := range rounds {
		n += acks[kind]
	}
	return n
}

func checkRules(t *testing.T, rules *blocklist.List, plan *number.Plan, round string, acks int) {
	t.Helper()
	for i := range acks {
		r, blocked := rules.Match(plan.Parse(fmt.Sprintf("sip:user-%s-%d@example.com", round, i)))
		require.True(t, blocked, "rule %d of %s was acknowledged", i, round)
		require.Equal(t, "kill test", r.By)
	}
}

// checkContacts holds that each contact is as old as was acknowledged, or a
// step older if that step was under way, and has all numbers of its age.
func checkContacts(t *testing.T, s *Store, round string, acks int) {
	t.Helper()
	book := newBook(t, s)
	for who := 0; who*lives <= acks; who++ {
		token := fmt.Sprintf("%s-%d", round, who)
		known := min(acks-who*lives, lives) // writes acknowledged
		c, ok := book.ByToken(token)
		if !ok {
			require.True(t, known == 0 || known >= lives-1, "%s after %d writes", token, known)
			continue
		}
		require.Less(t, known, lives, "%s was removed", token)
		var age int
		_, err := fmt.Sscan(c.Category, &age)
		require.NoError(t, err)
		require.True(t, age == known-1 || age == known, "%s is of age %d after %d writes", token, age, known)
		want := contactOfAge(token, age)
		require.Len(t, c.Entries, len(want.Entries), "all numbers of its age")
		for i := range want.Entries {
			require.Equal(t, want.Entries[i].Number, c.Entries[i].Number)
		}
	}
}

func checkHistory(t *testing.T, s *Store, round string, acks int) {
	t.Helper()
	rows, err := s.Recent(t.Context(), HistoryFilter{Types: []HistoryType{HistoryBlocked}}, maxHistory)
	require.NoError(t, err)
	times := map[string]int{}
	for _, r := range rows {
		times[r.CallID]++
	}
	for i := range acks {
		require.Equal(t, 1, times[fmt.Sprintf("%s-%d", round, i)], "row %d of %s was acknowledged", i, round)
	}
	for i := acks + 1; i < writerCount; i++ {
		require.Zero(t, times[fmt.Sprintf("%s-%d", round, i)], "one was under way at the kill")
	}
}
