package main

import (
	"encoding/json"
	"os"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/media/audio"
	"github.com/softphone-go/softphone/media/replay"
)

func newReplay(env *environment) *cobra.Command {
	var trace, in, out, codec string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Hear what a packet trace does to speech, through the playout engine of calls",
		Long: `replay codes the speech, delivers its packets as the trace says, pulls the playout
engine 10 ms at a time and writes what a listener would have heard. A line of the trace
is "SEQ SEND_MS ARRIVE_MS", one 20 ms packet, ARRIVE_MS -1 for one that was lost.

  softphone replay --trace testdata/traces/wifi.txt --in speech.wav --out heard.wav --json

` + exitHelp,
		Args: exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			for flag, v := range map[string]string{"--trace": trace, "--in": in, "--out": out} {
				if v == "" {
					return usagef("%s is missing; `softphone replay --help` shows an example", flag)
				}
			}
			report, err := replayFiles(trace, in, out, codec)
			if err != nil {
				return err
			}
			p := newPrinter(env.stdout, asJSON)
			p.line(struct {
				Type string `json:"type"`
				replay.Report
			}{"result", report}, "%d packets received, %d lost, %d late, %d duplicate\n"+
				"concealed %.0f ms, stretched %.0f ms, compressed %.0f ms\n"+
				"playout delay %.1f ms on average, %.1f ms at the 95th percentile; estimated MOS %.2f\nwritten to %s",
				report.Received, report.Lost, report.Late, report.Duplicate,
				report.ConcealedMS, report.StretchedMS, report.CompressedMS,
				report.MeanDelayMS, report.P95DelayMS, report.MOS, out)
			return nil
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&trace, "trace", "", "packet trace `FILE`")
	fs.StringVar(&in, "in", "", "speech, a WAV `FILE` (8 or 16 kHz mono)")
	fs.StringVar(&out, "out", "", "WAV `FILE` for what is heard, 8 kHz")
	fs.StringVar(&codec, "codec", "pcmu", "`pcmu` or pcma")
	fs.BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

func replayFiles(tracePath, in, out, codecName string) (replay.Report, error) {
	codec, err := replay.ParseCodec(codecName)
	if err != nil {
		return replay.Report{}, usagef("--codec: %w", err)
	}
	f, err := os.Open(tracePath)
	if err != nil {
		return replay.Report{}, usagef("--trace: %w", err)
	}
	defer f.Close()
	trace, err := replay.ParseTrace(f)
	if err != nil {
		return replay.Report{}, usagef("--trace: %s: %w", tracePath, err)
	}
	wav, err := audio.OpenWAV(in)
	if err != nil {
		return replay.Report{}, usagef("--in: %w", err)
	}
	heard, report := replay.Run(trace, wav.SamplesAt(audio.Narrowband), replay.Options{Codec: codec})
	if err := audio.WriteWAV(out, audio.Narrowband, heard); err != nil {
		return replay.Report{}, usagef("--out: %w", err)
	}
	return report, nil
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
