package api

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

const (
	// TypePrefix comes before the journal's name of every event type.
	TypePrefix = "com.github.softphone-go."
	// TypeGap is the type of the event that tells of missing ones; its data is
	// a Gap.
	TypeGap = TypePrefix + "events.gap"
	// SpecVersion is that of CloudEvents.
	SpecVersion = "1.0"
	// HeaderSequence is the header of an event stream's response: the stream
	// begins after the event of that number.
	HeaderSequence = "Softphone-Sequence"
)

// Event is one event in its CloudEvents 1.0 envelope.
type Event struct {
	SpecVersion string          `json:"specversion" enum:"1.0"`
	ID          string          `json:"id" doc:"Unique among the events of the source."`
	Source      string          `json:"source" doc:"The phone." example:"/devices/kitchen"`
	Type        string          `json:"type" example:"com.github.softphone-go.call.answered"`
	Subject     string          `json:"subject,omitempty" doc:"What it is about." example:"calls/01a2"`
	Time        time.Time       `json:"time"`
	Sequence    string          `json:"sequence" doc:"The event's number in the journal, ten digits or more; since= takes it." example:"0000000042"`
	Data        json.RawMessage `json:"data,omitempty"`
}

// Seq returns the sequence as a number, 0 if it is none.
func (e Event) Seq() uint64 {
	n, err := strconv.ParseUint(e.Sequence, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// FormatSequence writes a sequence number so that texts sort as numbers do.
func FormatSequence(n uint64) string { return fmt.Sprintf("%010d", n) }

// Gap is the data of events.gap: the events between the two numbers are not in
// the journal any more, and whoever needs what they told must ask for it anew.
type Gap struct {
	Since uint64 `json:"since" doc:"The reader had all up to this one."`
	First uint64 `json:"first" doc:"The next one it gets."`
}
