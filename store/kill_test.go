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
	writerCount = 1000 // writes of one child of each kind
	kinds       = 3    // rules, contacts, history
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
	jobs := [kinds]func(i int) error{
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
			for i := range writerCount {
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
type acknowledged [kinds]int

func (a acknowledged) total() int { return a[0] + a[1] + a[2] }

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

// A process that is killed in the middle of 1,000 block rules, 1,000 changes of
// contacts and 1,000 rows of history, all three at once, has lost nothing it
// acknowledged, and left nothing half written. Who was told of it is this
// process, which lives on.
func TestKill_NothingAcknowledgedIsLost(t *testing.T) {
	path := temp(t)
	plan, err := number.New("KR")
	require.NoError(t, err)
	rounds := map[string]acknowledged{}
	const parts, part = 4, kinds * writerCount / 4 // early, in the middle, late
	sum := acknowledged{}
	for n := range parts {
		round := fmt.Sprint("r", n)
		after := n*part + 1 + rand.IntN(part-50)
		acks := writeAndKill(t, path, round, after)
		require.Less(t, acks.total(), kinds*writerCount, "it was killed before its end")
		rounds[round] = acks
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
		for kind := range sum {
			sum[kind] += acks[kind]
		}
		assert.LessOrEqual(t, rules.Len(), sum[0]+len(rounds), "one was under way at each kill")
		require.NoError(t, s.Close())
		t.Logf("killed after %d acknowledgements (%d more were on their way): %d rules, %d changes of contacts, %d rows of history; all are there",
			after, acks.total()-after, acks[0], acks[1], acks[2])
	}
	t.Logf("%d kills, %d writes acknowledged (%d rules, %d changes of contacts, %d rows of history), none lost", parts, sum.total(), sum[0], sum[1], sum[2])
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
	times := map[string]int{}
	for before := int64(0); ; {
		rows, err := s.History(t.Context(), HistoryFilter{Types: []HistoryType{HistoryBlocked}, BeforeID: before, Limit: maxHistory})
		require.NoError(t, err)
		if len(rows) == 0 {
			break
		}
		for _, r := range rows {
			times[r.CallID]++
			before = r.ID
		}
	}
	for i := range acks {
		require.Equal(t, 1, times[fmt.Sprintf("%s-%d", round, i)], "row %d of %s was acknowledged", i, round)
	}
	for i := acks + 1; i < writerCount; i++ {
		require.Zero(t, times[fmt.Sprintf("%s-%d", round, i)], "one was under way at the kill")
	}
}
