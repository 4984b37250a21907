package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/softphone-go/softphone/phonebook"
	"github.com/softphone-go/softphone/store"
)

// historyLine is a call of the history as --json prints it.
type historyLine struct {
	Line      string    `json:"type"`              // "call"
	Contact   string    `json:"contact,omitempty"` // who has the number in the phonebook
	ID        int64     `json:"id"`
	Call      string    `json:"call,omitempty"`
	Direction string    `json:"direction"`
	Kind      string    `json:"history_type"` // OUT, OUT_CANCELED, IN, REJECTED, MISSED, BLOCKED, VOICE_MESSAGE
	Number    string    `json:"number"`
	RawNumber string    `json:"raw_number,omitempty"`
	Name      string    `json:"name,omitempty"`
	Account   string    `json:"account,omitempty"`
	CallType  string    `json:"call_type,omitempty"`
	Cause     string    `json:"cause,omitempty"`
	Started   time.Time `json:"started"`
	Answered  time.Time `json:"answered,omitzero"`
	Ended     time.Time `json:"ended,omitzero"`
	RingMS    int64     `json:"ring_ms"`
	TalkMS    int64     `json:"talk_ms"`
	SIPCode   int       `json:"sip_code,omitempty"`
}

// historyFlags select calls.
type historyFlags struct {
	missed                bool
	types                 []string
	number, with          string
	since, until, account string
	before                int64
	limit                 int
}

func newHistory(env *environment) *cobra.Command {
	var f folderFlags
	var h historyFlags
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Show the calls that were, newest first",
		Long: `history shows the calls that were, newest first, with the names that the contacts have for
them. The types are those of PhoneCall 1.3: OUT, OUT_CANCELED (not connected), IN, REJECTED,
MISSED, BLOCKED, VOICE_MESSAGE.

  softphone history
  softphone history --missed --limit 5
  softphone history --number 010-1234-5678 --since 2026-11-01
  softphone history --type BLOCKED,REJECTED --json

` + folderHelp + "\n\n" + exitHelpOf("history"),
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.with(env, func(d *folder) error { return h.show(cmd.Context(), d) })
		},
	}
	f.add(cmd)
	f.addRegion(cmd)
	fs := cmd.Flags()
	fs.BoolVar(&h.missed, "missed", false, "missed calls only")
	fs.StringSliceVar(&h.types, "type", nil, "`LIST` of types: OUT,OUT_CANCELED,IN,REJECTED,MISSED,BLOCKED,VOICE_MESSAGE")
	fs.StringVar(&h.number, "number", "", "calls from and to `NUMBER` only, in any spelling")
	fs.StringVar(&h.with, "direction", "", "`in` or out only")
	fs.StringVar(&h.account, "account", "", "calls of the account `ID` only")
	fs.StringVar(&h.since, "since", "", "calls that began at `TIME` or later: 2026-11-21 or 2026-11-21T09:30:00")
	fs.StringVar(&h.until, "until", "", "calls that began before `TIME`")
	fs.Int64Var(&h.before, "before", 0, "calls older than the one of this `ID`, for the next page")
	fs.IntVar(&h.limit, "limit", 20, "at most `N`, up to 10000")
	return cmd
}

// filter makes the store's filter of the flags.
func (h *historyFlags) filter(d *folder) (store.HistoryFilter, error) {
	out := store.HistoryFilter{Direction: strings.ToLower(h.with), AccountID: h.account, BeforeID: h.before, Limit: h.limit}
	if h.limit < 1 || h.limit > 10_000 {
		return out, usagef("--limit %d: 1 to 10000 calls can be shown", h.limit)
	}
	if h.before < 0 {
		return out, usagef("--before %d is not the id of a call", h.before)
	}
	if out.Direction != "" && out.Direction != "in" && out.Direction != "out" {
		return out, usagef("--direction is %q; there are in and out", h.with)
	}
	types := h.types
	if h.missed {
		if len(types) > 0 {
			return out, usagef("--missed and --type exclude each other")
		}
		types = []string{string(store.HistoryMissed)}
	}
	known := []store.HistoryType{
		store.HistoryOut, store.HistoryOutCanceled, store.HistoryIn, store.HistoryRejected, store.HistoryMissed, store.HistoryBlocked, store.HistoryVoiceMessage,
	}
	for _, s := range types {
		t := store.HistoryType(strings.ToUpper(strings.TrimSpace(s)))
		if !slices.Contains(known, t) {
			return out, usagef("--type %q is no type of call; there are OUT, OUT_CANCELED, IN, REJECTED, MISSED, BLOCKED and VOICE_MESSAGE", s)
		}
		out.Types = append(out.Types, t)
	}
	if h.number != "" {
		n := d.plan.Parse(h.number)
		if n.IsAnonymous() {
			return out, usagef("--number %q is no number; give one in any spelling", h.number)
		}
		out.Number = n.String()
	}
	var err error
	if out.Since, err = timeFlag("--since", h.since); err != nil {
		return out, err
	}
	out.Until, err = timeFlag("--until", h.until)
	return out, err
}

// timeFlag reads a day or a time, local unless it says its zone.
func timeFlag(name, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime, "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("%s %q is no time; write it as 2026-11-21 or 2026-11-21T09:30:00", name, s)
}

func (h *historyFlags) show(ctx context.Context, d *folder) error {
	filter, err := h.filter(d)
	if err != nil {
		return err
	}
	s, err := d.store(ctx)
	if err != nil {
		return err
	}
	book, err := phonebook.Open(ctx, d.plan, s.Contacts())
	if err != nil {
		return err
	}
	rows, err := s.History(ctx, filter)
	if err != nil {
		return err
	}
	for _, r := range rows {
		l := lineOfCall(r)
		if known := book.ByCanonical(r.Number); len(known) > 0 {
			l.Contact = known[0].Contact.Name
		}
		d.out.line(l, "%s", l)
	}
	result := map[string]any{"type": "result", "calls": len(rows)}
	text := ""
	switch {
	case len(rows) == h.limit:
		result["next"] = rows[len(rows)-1].ID
		text = fmt.Sprintf("older ones: --before %d", rows[len(rows)-1].ID)
	case len(rows) == 0:
		text = "no calls"
	}
	d.out.line(result, "%s", text)
	return nil
}

func lineOfCall(r store.HistoryRow) historyLine {
	return historyLine{
		Line: "call", ID: r.ID, Call: r.CallID, Direction: r.Direction, Kind: string(r.Type), Number: r.Number, RawNumber: r.RawNumber,
		Name: r.Name, Account: r.AccountID, CallType: r.CallType, Cause: r.Cause,
		Started: r.Started, Answered: r.Answered, Ended: r.Ended,
		RingMS: r.Ring.Milliseconds(), TalkMS: r.Talk.Milliseconds(), SIPCode: r.SIPCode,
	}
}

// String is the line for people.
func (l historyLine) String() string {
	who := l.Number
	if name := l.Contact; name != "" || l.Name != "" {
		if name == "" {
			name = l.Name
		}
		who = strings.TrimSuffix(name+" ("+l.Number+")", " ()")
	}
	if who == "" {
		who = "unknown"
	}
	long := ""
	switch {
	case l.TalkMS > 0:
		long = "talked " + roughly(l.TalkMS)
	case l.RingMS > 0:
		long = "rang " + roughly(l.RingMS)
	}
	s := fmt.Sprintf("%5d  %s  %-12s  %s %s", l.ID, l.Started.Local().Format(time.DateTime), l.Kind, pad(flat(who), 32), long)
	return strings.TrimRight(s, " ")
}

func roughly(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	if d >= time.Second {
		d = d.Round(time.Second)
	}
	return d.String()
}
