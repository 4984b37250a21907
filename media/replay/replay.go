package replay

import (
	"fmt"
	"strings"

	"github.com/softphone-go/softphone/media/jitter"
)

// Options sets up Run.
type Options struct {
	Codec  jitter.Payload // PCMU or PCMA; anything else stands for PCMU
	Jitter jitter.Config  // the engine; the zero value is its default
}

// ParseCodec reads a codec's name as the command line writes it.
func ParseCodec(name string) (jitter.Payload, error) {
	switch strings.ToLower(name) {
	case "pcmu":
		return jitter.PCMU, nil
	case "pcma":
		return jitter.PCMA, nil
	default:
		return jitter.Unmapped, fmt.Errorf("codec %q is unknown: use pcmu or pcma", name)
	}
}

// Report says how the playout went.
type Report struct {
	Received     uint64  `json:"packets_received"`
	Lost         uint64  `json:"lost"`
	Late         uint64  `json:"late"`
	Duplicate    uint64  `json:"duplicate"`
	ConcealedMS  float64 `json:"concealed_ms"`
	StretchedMS  float64 `json:"stretched_ms"`
	CompressedMS float64 `json:"compressed_ms"`
	MeanDelayMS  float64 `json:"mean_delay_ms"`
	P95DelayMS   float64 `json:"p95_delay_ms"`
	MOS          float64 `json:"mos"`
}

// Run plays speech (8000 Hz) through the trace and returns what is heard.
func Run(trace Trace, speech []int16, o Options) (heard []int16, report Report) {
	return nil, Report{}
}
