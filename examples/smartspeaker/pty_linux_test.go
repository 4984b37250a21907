package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// terminal is a program in a pseudo-terminal, as in front of a person.
type terminal struct {
	t     *testing.T
	pty   *os.File
	cmd   *exec.Cmd
	ended chan struct{} // closed when all was read and the program is gone

	mu   sync.Mutex
	text string // all that stood on the screen
	read int    // up to here, expect has looked
	more chan struct{}
}

// openPTY opens a pseudo-terminal (pts(4)).
func openPTY(t *testing.T) (pty, tty *os.File) {
	t.Helper()
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	var unlock, number int32
	for request, value := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &number} {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, pty.Fd(), request, uintptr(unsafe.Pointer(value)))
		require.Zero(t, errno)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	return pty, tty
}

func startTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	pty, tty := openPTY(t)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	require.NoError(t, tty.Close())
	s := &terminal{t: t, pty: pty, cmd: cmd, ended: make(chan struct{}), more: make(chan struct{})}
	go s.follow()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-s.ended
		if t.Failed() {
			t.Logf("the screen:\n%s", s.screen())
		}
	})
	return s
}

func (s *terminal) follow() {
	defer close(s.ended)
	buf := make([]byte, 4096)
	for {
		n, err := s.pty.Read(buf)
		s.mu.Lock()
		s.text += strings.ReplaceAll(string(buf[:n]), "\r\n", "\n")
		close(s.more)
		s.more = make(chan struct{})
		s.mu.Unlock()
		if err != nil { // EIO: nobody has the terminal open any more
			_ = s.cmd.Wait()
			_ = s.pty.Close()
			return
		}
	}
}

func (s *terminal) screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
}

// enter types a line.
func (s *terminal) enter(line string) {
	s.t.Helper()
	_, err := s.pty.WriteString(line + "\n")
	require.NoError(s.t, err)
	s.expect(line) // the terminal's echo
}

// expect waits for a line that begins so, after those already waited for, and
// returns it.
func (s *terminal) expect(begin string) string {
	s.t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		more := s.more
		for {
			line, _, whole := strings.Cut(s.text[s.read:], "\n")
			if !whole {
				break
			}
			s.read += len(line) + 1
			if strings.HasPrefix(line, begin) {
				s.mu.Unlock()
				return line
			}
		}
		s.mu.Unlock()
		select {
		case <-more:
		case <-s.ended:
			require.FailNow(s.t, "the program ended before "+begin)
		case <-timeout:
			require.FailNow(s.t, "nothing came that begins with "+begin)
		}
	}
}
