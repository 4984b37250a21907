//go:build linux

// Command mediaload measures what calls cost on this machine, beside a bare
// socket loop, and prints a table. See internal/mediaload, or make bench-load.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/softphone-go/softphone/internal/mediaload"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mediaload:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch { // the parts, in processes of their own
	case len(args) == 2 && args[0] == "echo":
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return mediaload.RunEcho(n, os.Stdin, os.Stdout)
	case len(args) == 3 && args[0] == "load":
		d, err := time.ParseDuration(args[2])
		if err != nil {
			return err
		}
		return mediaload.RunLoad(args[1], d, os.Stdin, os.Stdout)
	}
	return compare(args)
}

func compare(args []string) error {
	flags := flag.NewFlagSet("mediaload", flag.ContinueOnError)
	calls := flags.String("calls", "1,100,500,1000", "numbers of calls held at once")
	d := flags.Duration("for", 20*time.Second, "how long each run is measured")
	kinds := flags.String("kinds", mediaload.Ours+","+mediaload.Bare, "what is compared, of: "+strings.Join(mediaload.Kinds(), ", "))
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	var numbers []int
	for s := range strings.SplitSeq(*calls, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 {
			return fmt.Errorf("--calls: %q is no number of calls", s)
		}
		numbers = append(numbers, n)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	again := func(ctx context.Context, arguments ...string) *exec.Cmd {
		return exec.CommandContext(ctx, self, arguments...)
	}
	if err := mediaload.Header(os.Stdout); err != nil {
		return err
	}
	return mediaload.Compare(context.Background(), again, strings.Split(*kinds, ","), numbers, *d, func(r mediaload.Result) error {
		return r.Row(os.Stdout)
	})
}
