package jitter

import "time"

// TooLate is Stats.Late alone, cheap enough to be asked after every Put: whether
// the packet just given came after its turn.
func (p *Playout) TooLate() uint64 { return p.stats.Late }

// Limit is the most that the playout delay is steered to (Config.Max, or the
// default, within what can be had).
func (p *Playout) Limit() time.Duration { return p.cfg.Max }
