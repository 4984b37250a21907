package control_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/softphone-go/softphone/control"
	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/control/client"
	"github.com/softphone-go/softphone/store"
)

// childFlag makes the test program a phone that is only a journal and its
// control API: it writes an event for each line that it reads, and prints the
// number once it is durable.
const childFlag = "-control-child="

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && strings.HasPrefix(os.Args[1], childFlag) {
		if err := child(strings.TrimPrefix(os.Args[1], childFlag)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func child(dir string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, filepath.Join(dir, "softphone.db"), store.Options{})
	if err != nil {
		return err
	}
	server, err := control.New(ctx, control.Config{
		Address: "unix:" + filepath.Join(dir, "s"), TokenFile: filepath.Join(dir, api.TokenFile), DataDir: dir, Journal: s,
	})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		seq, err := s.AppendWait(ctx, store.Event{Type: "call.dtmf", Data: []byte(in.Text())}, nil)
		if err != nil {
			return err
		}
		fmt.Println(seq)
	}
	if err := server.Close(ctx); err != nil {
		return err
	}
	return s.Close()
}

// victim is a child that runs.
type victim struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func bear(t *testing.T, dir string) *victim {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	v := &victim{t: t, cmd: exec.Command(exe, childFlag+dir)}
	v.in, err = v.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := v.cmd.StdoutPipe()
	require.NoError(t, err)
	v.out = bufio.NewReader(out)
	require.NoError(t, v.cmd.Start())
	t.Cleanup(v.kill)
	require.Equal(t, "ready", v.line())
	return v
}

func (v *victim) line() string {
	v.t.Helper()
	line, err := v.out.ReadString('\n')
	require.NoError(v.t, err)
	return strings.TrimSpace(line)
}

// write has an event written and acknowledged.
func (v *victim) write(n uint64) {
	v.t.Helper()
	_, err := fmt.Fprintf(v.in, "{\"n\":%d}\n", n)
	require.NoError(v.t, err)
	require.Equal(v.t, fmt.Sprint(n), v.line())
}

// kill is kill -9.
func (v *victim) kill() {
	_ = v.cmd.Process.Kill()
	_ = v.cmd.Wait()
}

// A phone that is killed at any moment leaves a discovery file and a socket
// behind: both are noticed, the next start takes their place, and a reader that
// follows misses nothing that was acknowledged.
func TestKill_FollowMissesNothing(t *testing.T) {
	dir := t.TempDir()
	v := bear(t, dir)
	c, err := client.Discover(t.Context(), dir)
	require.NoError(t, err)
	defer c.Close()
	const lives, each = 5, 40
	type got struct {
		seq  uint64
		data string
	}
	seen := make(chan got, lives*each+1)
	done := make(chan error, 1)
	go func() {
		done <- c.Follow(context.Background(), 0, func(ev api.Event) error {
			seen <- got{ev.Seq(), string(ev.Data)}
			return nil
		})
	}()
	n := uint64(0)
	for range lives {
		for range each {
			n++
			v.write(n)
		}
		v.kill()
		_, err := client.Discover(t.Context(), dir)
		require.ErrorIs(t, err, client.ErrNotRunning)
		require.FileExists(t, filepath.Join(dir, api.DiscoveryFile), "it was killed")
		v = bear(t, dir)
		again, err := client.Discover(t.Context(), dir)
		require.NoError(t, err)
		again.Close()
	}
	n++
	v.write(n) // whoever has seen this one is back
	for want := uint64(1); want <= n; want++ {
		assert.Equal(t, got{want, fmt.Sprintf(`{"n":%d}`, want)}, <-seen)
	}
	require.NoError(t, v.in.Close()) // now it stops as it should
	var end *client.EndError
	require.ErrorAs(t, <-done, &end)
	assert.True(t, end.Stopped)
	require.NoError(t, v.cmd.Wait())
	_, err = client.Discover(t.Context(), dir)
	require.ErrorIs(t, err, client.ErrNotRunning)
	assert.NoFileExists(t, filepath.Join(dir, api.DiscoveryFile))
}
