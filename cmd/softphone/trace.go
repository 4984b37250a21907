package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/media/replay"
)

// longestTrace is what `softphone trace` makes at most.
const longestTrace = 5 * time.Hour

func newTrace(env *environment) *cobra.Command {
	var out, pcapFile, ssrc string
	var port uint16
	var seed uint64
	var duration time.Duration
	var names []string
	for _, m := range replay.Models() {
		names = append(names, m.String())
	}
	cmd := &cobra.Command{
		Use:   "trace [NETWORK]",
		Short: "Make a packet trace for replay: from the model of a network, or from a capture",
		Long: `trace writes what happens to packets of 20 ms in a network of a kind: ` + strings.Join(names[:5], ", ") + `,
` + strings.Join(names[5:], ", ") + `. The same network and seed give the same trace. Its lines
are "SEQ SEND_MS ARRIVE_MS", ARRIVE_MS -1 for a packet that was lost.

  softphone trace wifi --seed 7 --duration 1m --out wifi-7.txt

With --pcap it takes the times from a capture's stream of RTP, a packet a line:

  softphone trace --pcap call.pcap --port 16384 --out call.txt

` + exitHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if pcapFile != "" {
				return exactly(0, "no network beside --pcap")(cmd, args)
			}
			return exactly(1, "one network ("+strings.Join(names, ", ")+")")(cmd, args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var trace replay.Trace
			if pcapFile != "" {
				packets, err := readCapture(pcapFile, ssrc, port)
				if err != nil {
					return err
				}
				trace = replay.TraceOf(packets)
			} else {
				model, err := replay.ParseModel(args[0])
				if err != nil {
					return usagef("%w", err)
				}
				if duration < 20*time.Millisecond || duration > longestTrace {
					return usagef("--duration %s: 20ms to %s can be made", duration, longestTrace)
				}
				trace = replay.Generate(model, seed, int(duration/(20*time.Millisecond)))
			}
			return writeTrace(env.stdout, out, trace)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&out, "out", "", "`FILE` for the trace (default standard output)")
	fs.Uint64Var(&seed, "seed", 1, "`NUMBER` that chance begins with")
	fs.DurationVar(&duration, "duration", 72*time.Second, "`TIME` of talk")
	fs.StringVar(&pcapFile, "pcap", "", "capture `FILE`, pcap or pcapng, to take the times from")
	fs.StringVar(&ssrc, "ssrc", "", "`NUMBER` of the stream in the capture, as in 0x1234ABCD")
	fs.Uint16Var(&port, "port", 0, "`PORT` that the stream in the capture goes to")
	return cmd
}

func writeTrace(stdout io.Writer, name string, trace replay.Trace) error {
	if name == "" {
		return trace.Write(stdout)
	}
	var text bytes.Buffer
	if err := trace.Write(&text); err != nil {
		return err
	}
	if err := os.WriteFile(name, text.Bytes(), 0o644); err != nil {
		return usagef("--out: %w", err)
	}
	return nil
}
