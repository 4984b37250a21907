package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/replay"
	"github.com/softphone-go/softphone/media/replay/pcap"
	"github.com/softphone-go/softphone/media/replay/plot"
)

// replayed is what a replay is asked for.
type replayed struct {
	trace, pcap    string
	ssrc           string
	port           uint16
	in, out, codec string
	plot           string
	from, to       time.Duration
}

func newReplay(env *environment) *cobra.Command {
	var r replayed
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Hear and see what a packet trace or a capture does to speech, through the playout engine of calls",
		Long: `replay codes the speech, delivers its packets as the trace says, pulls the playout
engine 10 ms at a time and writes what a listener would have heard. A line of the trace
is "SEQ SEND_MS ARRIVE_MS", one 20 ms packet, ARRIVE_MS -1 for one that was lost;
` + "`softphone trace`" + ` makes traces.

  softphone replay --trace testdata/traces/wifi.txt --in speech.wav --out heard.wav --json

With --plot it also draws the delay of each packet, the playout delay and its target
over time, and marks what was lost, late, concealed, stretched and compressed:

  softphone replay --trace testdata/traces/wifi.txt --in speech.wav --plot wifi.png

A capture by Wireshark, tcpdump or --pcap takes the place of a trace, with the sound in
it if it is PCMU or PCMA, or with speech by --in:

  softphone replay --pcap call.pcap --port 16384 --out heard.wav --plot call.svg

` + exitHelp,
		Args: exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			if err := r.check(); err != nil {
				return err
			}
			report, err := r.run()
			if err != nil {
				return err
			}
			r.tell(newPrinter(env.stdout, asJSON), report)
			return nil
		},
	}
	r.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

func (r *replayed) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&r.trace, "trace", "", "packet trace `FILE`")
	fs.StringVar(&r.in, "in", "", "speech, a WAV `FILE` (8 or 16 kHz mono)")
	fs.StringVar(&r.out, "out", "", "WAV `FILE` for what is heard, 8 kHz")
	fs.StringVar(&r.codec, "codec", "pcmu", "`pcmu` or pcma")
	fs.StringVar(&r.plot, "plot", "", "picture `FILE` of what happened, .png or .svg")
	fs.DurationVar(&r.from, "plot-from", 0, "`TIME` at which the picture begins")
	fs.DurationVar(&r.to, "plot-to", 0, "`TIME` at which the picture ends (default the end)")
	fs.StringVar(&r.pcap, "pcap", "", "capture `FILE`, pcap or pcapng, in place of a trace")
	fs.StringVar(&r.ssrc, "ssrc", "", "`NUMBER` of the stream in the capture, as in 0x1234ABCD")
	fs.Uint16Var(&r.port, "port", 0, "`PORT` that the stream in the capture goes to")
}

func (r *replayed) tell(p *printer, report replay.Report) {
	written := slices.DeleteFunc([]string{r.out, r.plot}, func(s string) bool { return s == "" })
	p.line(struct {
		Type string `json:"type"`
		replay.Report
	}{"result", report}, "%d packets received, %d lost, %d late, %d duplicate\n"+
		"concealed %.0f ms, stretched %.0f ms, compressed %.0f ms\n"+
		"playout delay %.1f ms on average, %.1f ms at the 95th percentile; estimated MOS %.2f\nwritten to %s",
		report.Received, report.Lost, report.Late, report.Duplicate,
		report.ConcealedMS, report.StretchedMS, report.CompressedMS,
		report.MeanDelayMS, report.P95DelayMS, report.MOS, strings.Join(written, " and "))
}

// check finds out what is missing or contradicts itself before anything is read.
func (r *replayed) check() error {
	missing := func(flag string) error {
		return usagef("%s is missing; `softphone replay --help` shows an example", flag)
	}
	switch {
	case r.trace != "" && r.pcap != "":
		return usagef("--trace and --pcap exclude each other: both say when packets came")
	case r.trace == "" && r.pcap == "":
		return missing("--trace")
	case r.pcap == "" && (r.ssrc != "" || r.port != 0):
		return usagef("--ssrc and --port choose a stream of --pcap, which is missing")
	case r.in == "" && r.pcap == "":
		return missing("--in")
	case r.out == "" && r.plot == "":
		return missing("--out")
	case r.plot == "" && (r.from != 0 || r.to != 0):
		return usagef("--plot-from and --plot-to say which part to draw, but --plot is missing")
	case r.from < 0 || r.to < 0 || r.to != 0 && r.to <= r.from:
		return usagef("--plot-from %s and --plot-to %s: the first must lie before the second, and neither below 0", r.from, r.to)
	}
	if r.plot != "" {
		if _, err := plot.FormatOf(r.plot); err != nil {
			return usagef("--plot: %w", err)
		}
	}
	return nil
}

func (r *replayed) run() (replay.Report, error) {
	codec, err := replay.ParseCodec(r.codec)
	if err != nil {
		return replay.Report{}, usagef("--codec: %w", err)
	}
	figure := plot.Figure{From: r.from, To: r.to}
	options := replay.Options{Codec: codec}
	if r.plot != "" {
		options.Record = &figure.Record
	}
	var heard []int16
	if heard, figure.Report, err = r.play(options); err != nil {
		return replay.Report{}, err
	}
	if r.out != "" {
		if err := audio.WriteWAV(r.out, audio.Narrowband, heard); err != nil {
			return replay.Report{}, usagef("--out: %w", err)
		}
	}
	if r.plot != "" {
		source := cmp.Or(r.trace, r.pcap)
		figure.Title = strings.TrimSuffix(filepath.Base(source), filepath.Ext(source))
		if r.in != "" {
			figure.Note = fmt.Sprintf("with %s, %s", filepath.Base(r.in), strings.ToUpper(r.codec))
		}
		if err := drawFile(r.plot, figure); err != nil {
			return replay.Report{}, usagef("--plot: %w", err)
		}
	}
	return figure.Report, nil
}

// play runs the engine over the trace or the capture.
func (r *replayed) play(o replay.Options) (heard []int16, report replay.Report, err error) {
	if r.pcap != "" {
		return r.playCapture(o)
	}
	trace, err := readTrace(r.trace)
	if err != nil {
		return nil, replay.Report{}, err
	}
	speech, err := readSpeech(r.in)
	if err != nil {
		return nil, replay.Report{}, err
	}
	heard, report = replay.Run(trace, speech, o)
	return heard, report, nil
}

func (r *replayed) playCapture(o replay.Options) (heard []int16, report replay.Report, err error) {
	packets, err := readCapture(r.pcap, r.ssrc, r.port)
	if err != nil {
		return nil, replay.Report{}, err
	}
	var speech []int16
	if r.in != "" {
		if speech, err = readSpeech(r.in); err != nil {
			return nil, replay.Report{}, err
		}
	}
	heard, report, err = replay.RunCaptured(packets, speech, o)
	if err != nil {
		return nil, replay.Report{}, usagef("--pcap: %s: %w; give it by --in", r.pcap, err)
	}
	return heard, report, nil
}

func readTrace(name string) (replay.Trace, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, usagef("--trace: %w", err)
	}
	defer f.Close()
	trace, err := replay.ParseTrace(f)
	if err != nil {
		return nil, usagef("--trace: %s: %w", name, err)
	}
	return trace, nil
}

func readSpeech(name string) ([]int16, error) {
	wav, err := audio.OpenWAV(name)
	if err != nil {
		return nil, usagef("--in: %w", err)
	}
	return wav.SamplesAt(audio.Narrowband), nil
}

// readCapture returns the packets of the chosen stream.
func readCapture(name, ssrcText string, port uint16) ([]replay.Captured, error) {
	var ssrc *uint32
	if ssrcText != "" {
		n, err := strconv.ParseUint(ssrcText, 0, 32)
		if err != nil {
			return nil, usagef("--ssrc %q is no number from 0 to 0xFFFFFFFF", ssrcText)
		}
		ssrc = new(uint32)
		*ssrc = uint32(n)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, usagef("--pcap: %w", err)
	}
	defer f.Close()
	streams, err := pcap.Read(f)
	if err != nil {
		return nil, usagef("--pcap: %s: %w", name, err)
	}
	packets, err := pcap.Choose(streams, ssrc, port)
	if err != nil {
		return nil, usagef("--pcap: %s: %w (--ssrc, --port)", name, err)
	}
	return packets, nil
}

func drawFile(name string, figure plot.Figure) error {
	format, err := plot.FormatOf(name)
	if err != nil {
		return err
	}
	var picture bytes.Buffer
	if err := plot.Draw(&picture, format, figure); err != nil {
		return err
	}
	return os.WriteFile(name, picture.Bytes(), 0o644)
}

func newVersion(env *environment) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version", Args: exactly(0, "no arguments"),
		Long: "version prints which softphone this is.\n\n  softphone version --json\n\n" + exitHelp,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return json.NewEncoder(env.stdout).Encode(buildInfo())
			}
			newPrinter(env.stdout, false).line(nil, "softphone %s (%s, %s/%s)",
				buildInfo().Version, buildInfo().Go, buildInfo().OS, buildInfo().Arch)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
