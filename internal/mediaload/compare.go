//go:build linux

package mediaload

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Command is how this program is started again for one of the parts.
type Command func(ctx context.Context, arguments ...string) *exec.Cmd

// Compare runs every kind at every number of calls, each in a process of its own
// with a far end of its own, one after the other, and returns the results in
// that order. Each result is shown as soon as it is there.
func Compare(ctx context.Context, self Command, kinds []string, calls []int, d time.Duration, show func(Result) error) error {
	for _, n := range calls {
		for _, kind := range kinds {
			r, err := one(ctx, self, kind, n, d)
			if err != nil {
				return fmt.Errorf("%d calls, %s: %w", n, kind, err)
			}
			if err := show(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func one(ctx context.Context, self Command, kind string, calls int, d time.Duration) (r Result, err error) {
	far := self(ctx, "echo", fmt.Sprint(calls))
	far.Stderr = os.Stderr
	in, err := far.StdinPipe()
	if err != nil {
		return r, err
	}
	out, err := far.StdoutPipe()
	if err != nil {
		return r, err
	}
	if err := far.Start(); err != nil {
		return r, err
	}
	answers := json.NewDecoder(out)
	r, err = near(ctx, self, kind, d, answers)
	_ = in.Close()
	if err == nil {
		err = answers.Decode(&r.Echo)
	}
	if end := far.Wait(); err == nil {
		err = end
	}
	return r, err
}

// near runs our side against the far end whose Remote comes from answers.
func near(ctx context.Context, self Command, kind string, d time.Duration, answers *json.Decoder) (r Result, err error) {
	var remote Remote
	if err := answers.Decode(&remote); err != nil {
		return r, err
	}
	load := self(ctx, "load", kind, d.String())
	load.Stderr = os.Stderr
	in, err := load.StdinPipe()
	if err != nil {
		return r, err
	}
	out, err := load.StdoutPipe()
	if err != nil {
		return r, err
	}
	if err := load.Start(); err != nil {
		return r, err
	}
	if err := json.NewEncoder(in).Encode(remote); err != nil {
		return r, err
	}
	err = json.NewDecoder(out).Decode(&r)
	if end := load.Wait(); err == nil {
		err = end
	}
	return r, err
}

// RunLoad is our side's process: it reads a Remote from in and writes a Result.
func RunLoad(kind string, d time.Duration, in io.Reader, out io.Writer) error {
	var remote Remote
	if err := json.NewDecoder(in).Decode(&remote); err != nil {
		return err
	}
	r, err := Run(kind, remote, d)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}
