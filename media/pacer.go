package media

import (
	"log/slog"
	"time"
)

// Ticker is what a Pacer drives.
type Ticker interface {
	// Tick is one step of 10 ms; n counts the steps since the Pacer began.
	Tick(n uint64)
}

type PacerConfig struct {
	Workers int
	Logger  *slog.Logger
}

type PacerStats struct {
	Tickers                              int
	Ticks                                uint64
	Skipped                              uint64
	MeanLate, P99Late, P999Late, MaxLate time.Duration
}

type Pacer struct{}

func NewPacer(cfg PacerConfig) *Pacer         { return &Pacer{} }
func (p *Pacer) Add(t Ticker) (remove func()) { return func() {} }
func (p *Pacer) Stats() PacerStats            { return PacerStats{} }
func (p *Pacer) Close() error                 { return nil }
