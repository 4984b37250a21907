package phone

import (
	"errors"
	"time"
)

const (
	rulesPeriod   = time.Second // how soon a rule or a contact of another process holds
	journalPeriod = time.Hour
	journalKeeps  = 100_000 // events; history is kept apart and stays
)

// upkeep follows the block rules and contacts of other processes and keeps the
// journal from growing without end.
func (p *Phone) upkeep() {
	rules := time.NewTicker(rulesPeriod)
	defer rules.Stop()
	if p.cfg.StorePath == Memory { // where nobody else writes
		rules.Stop()
	}
	journal := time.NewTicker(journalPeriod)
	defer journal.Stop()
	for {
		var err error
		select {
		case <-p.run.Done():
			return
		case <-rules.C:
			err = errors.Join(p.rules.Refresh(p.run), p.contacts.Refresh(p.run))
		case <-journal.C:
			err = p.store.Prune(p.run, journalKeeps)
		}
		if err != nil && p.run.Err() == nil {
			p.log.Warn("the database could not be read", "error", err)
		}
	}
}
