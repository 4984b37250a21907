package phone

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/softphone-go/softphone/agent"
	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/media"
	"github.com/softphone-go/softphone/media/quality"
	"github.com/softphone-go/softphone/sip"
	"github.com/softphone-go/softphone/store"
)

// Types of the journal's events.
const (
	TypeIncoming   = "call.incoming"
	TypeDialing    = "call.dialing"
	TypeRinging    = "call.ringing"
	TypeEarlyMedia = "call.early_media"
	TypeAnswered   = "call.answered"
	TypeHeld       = "call.held"
	TypeResumed    = "call.resumed"
	TypeMuted      = "call.muted"
	TypeUnmuted    = "call.unmuted"
	TypeDigit      = "call.dtmf"
	TypeBlocked    = "call.blocked"

	// A transfer of ours or theirs: it is under way, the other side was handed on,
	// it failed and the call goes on, the call goes on with another party.
	TypeTransferring   = "call.transferring"
	TypeTransferred    = "call.transferred"
	TypeTransferFailed = "call.transfer_failed"
	TypeReplaced       = "call.replaced"

	TypeEnded      = "call.ended"
	TypeRegistered = "account.registered"
	TypeFailed     = "account.failed"
	TypeMessages   = "account.messages"
	TypeStarted    = "phone.started"
	TypeStopped    = "phone.stopped"
	// TypePhoneCall comes before the name of a PhoneCall event.
	TypePhoneCall = "phonecall."
)

// CallEvent is the data of the journal's call events. Durations are in
// milliseconds.
type CallEvent struct {
	Call      string `json:"call"`
	Account   string `json:"account,omitempty"`
	Direction string `json:"direction"`
	Remote    string `json:"remote,omitempty"` // SIP URI
	Name      string `json:"name,omitempty"`
	By        string `json:"by,omitempty"` // held, resumed: local or remote
	Code      int    `json:"sip_code,omitempty"`
	Reason    string `json:"sip_reason,omitempty"`
	Digit     string `json:"digit,omitempty"`
	Rule      string `json:"rule,omitempty"`
	Target    string `json:"target,omitempty"` // of a transfer, SIP URI

	DivertedBy string   `json:"diverted_by,omitempty"`  // incoming: who forwarded it here last, SIP URI (RFC 5806)
	UserToUser string   `json:"user_to_user,omitempty"` // incoming: what the caller passes on (RFC 7433)
	Context    string   `json:"context,omitempty"`
	Ended      *Summary `json:"ended,omitempty"`
}

// Summary is how a call went, in call.ended.
type Summary struct {
	Disposition string  `json:"disposition"`
	EndedBy     string  `json:"ended_by"`
	Error       string  `json:"error,omitempty"`
	RingMS      int64   `json:"ring_ms"`
	TalkMS      int64   `json:"talk_ms"`
	Quality     Quality `json:"quality"`
}

// Quality is the sound of a call in figures: first those of what was heard here in
// short, at the end all that is known of both ways (local and remote).
type Quality struct {
	PacketsSent     uint64  `json:"packets_sent"`
	PacketsReceived uint64  `json:"packets_received"`
	PacketsLost     uint64  `json:"packets_lost"`
	PacketsLate     uint64  `json:"packets_late"`
	JitterMS        float64 `json:"jitter_ms"`
	RTTMS           float64 `json:"rtt_ms"`
	ConcealedMS     float64 `json:"concealed_ms"`
	PlayoutMS       float64 `json:"playout_delay_ms"`
	MOS             float64 `json:"mos"`

	SRTP            string `json:"srtp,omitempty"`                 // the suite in force; absent: the sound was in the clear
	Unauthenticated uint64 `json:"srtp_unauthenticated,omitempty"` // packets that did not prove the key
	Replayed        uint64 `json:"srtp_replayed,omitempty"`        // packets that came a second time

	quality.Call
}

// eventTypes maps the dialer's events to the journal's.
var eventTypes = map[dialer.EventType]string{
	dialer.EventDialing: TypeDialing, dialer.EventRinging: TypeRinging, dialer.EventEarlyMedia: TypeEarlyMedia,
	dialer.EventIncoming: TypeIncoming, dialer.EventAnswered: TypeAnswered,
	dialer.EventHeld: TypeHeld, dialer.EventResumed: TypeResumed,
	dialer.EventRemoteHeld: TypeHeld, dialer.EventRemoteResumed: TypeResumed,
	dialer.EventMuted: TypeMuted, dialer.EventUnmuted: TypeUnmuted,
	dialer.EventDigit: TypeDigit, dialer.EventBlocked: TypeBlocked, dialer.EventEnded: TypeEnded,
	dialer.EventTransferring: TypeTransferring, dialer.EventTransferred: TypeTransferred,
	dialer.EventTransferFailed: TypeTransferFailed, dialer.EventReplaced: TypeReplaced,
}

// happened takes every call event from the call loops: into the journal, with
// its history row when the call is over, and on to whoever listens.
func (p *Phone) happened(ev dialer.Event) {
	callee, _ := p.callees.Load(ev.CallID)
	to, directed := callee.(agent.Callee)
	if directed {
		beganWith(&ev).DisplayName = to.Name
	}
	data := CallEvent{
		Call: ev.CallID, Account: ev.AccountID, Direction: ev.Direction.String(),
		Remote: ev.Remote.URI.String(), Name: ev.Remote.DisplayName,
		Code: ev.Code, Reason: ev.Reason, Rule: ev.Verdict.Rule, Context: ev.Context, Target: ev.Target.String(),
	}
	switch ev.Type {
	case dialer.EventHeld, dialer.EventResumed:
		data.By = "local"
	case dialer.EventRemoteHeld, dialer.EventRemoteResumed:
		data.By = "remote"
	case dialer.EventIncoming:
		p.noteArrival(&data)
	case dialer.EventDigit:
		data.Digit = string(ev.Digit)
	default:
	}
	row := p.historyRow(ev)
	if row != nil && directed {
		row.PersonType, row.Label = string(to.Type), string(to.Label)
		if strings.Contains(to.Number, "@") {
			row.RawNumber = to.Number
		}
	}
	if ev.Outcome != nil {
		p.callees.Delete(ev.CallID)
		p.sentAway.Delete(ev.CallID)
		data.Ended = summary(*ev.Outcome)
		data.Code, data.Reason = ev.Outcome.Code, ev.Outcome.Reason
	}
	p.append(eventTypes[ev.Type], "calls/"+ev.CallID, ev.Time, data, row)
	if p.phoneMode(ev.AccountID) {
		p.agent.Observe(ev)
	}
	if p.cfg.Metrics != nil {
		p.cfg.Metrics.Call(ev)
	}
	if p.cfg.Calls != nil {
		p.cfg.Calls(ev)
	}
}

// beganWith is the other party as the call began, whoever took its place since: the
// one whom the history names.
func beganWith(ev *dialer.Event) *sip.Identity {
	if ev.First.URI.Host != "" {
		return &ev.First
	}
	return &ev.Remote
}

// noteArrival adds what an incoming call brought along.
func (p *Phone) noteArrival(data *CallEvent) {
	c, ok := p.dialer.Call(data.Call)
	if !ok {
		return
	}
	info := c.Info()
	data.UserToUser = info.UserToUser
	if len(info.Diverted) > 0 && !info.Diverted[0].By.Anonymous {
		data.DivertedBy = info.Diverted[0].By.URI.String()
	}
}

// emitted takes every PhoneCall event from the directive layer.
func (p *Phone) emitted(ev agent.Event) {
	subject := "phone"
	if ev.CallID != "" {
		subject = "calls/" + ev.CallID
	}
	p.append(TypePhoneCall+ev.Name, subject, time.Now(), json.RawMessage(ev.JSON), nil)
}

// registration takes every change of an account's registration.
func (p *Phone) registration(id string, st sip.RegistrationState) {
	type event struct {
		Account   string `json:"account"`
		Phase     string `json:"phase"`
		Code      int    `json:"sip_code,omitempty"`
		Reason    string `json:"sip_reason,omitempty"`
		Error     string `json:"error,omitempty"`
		ExpiresMS int64  `json:"expires_ms,omitempty"`
		RetryMS   int64  `json:"retry_in_ms,omitempty"`
	}
	data := event{
		Account: id, Phase: st.Phase.String(), Code: st.Code, Reason: st.Reason,
		ExpiresMS: st.Expires.Milliseconds(), RetryMS: st.RetryIn.Milliseconds(),
	}
	if st.Err != nil {
		data.Error = st.Err.Error()
	}
	switch st.Phase {
	case sip.Registered:
		p.log.Info("registered", "account", id, "expires", st.Expires)
		p.append(TypeRegistered, "accounts/"+id, time.Now(), data, nil)
	case sip.Retrying, sip.Rejected:
		level := slog.LevelWarn
		if p.cfg.Registrations != nil {
			level = slog.LevelDebug // whoever listens reports it
		}
		p.log.Log(p.run, level, "not registered", "account", id, "code", st.Code, "error", st.Err, "retry_in", st.RetryIn)
		p.append(TypeFailed, "accounts/"+id, time.Now(), data, nil)
	default:
	}
	if p.cfg.Metrics != nil {
		p.cfg.Metrics.Registration(id, st)
	}
	if p.cfg.Registrations != nil {
		p.cfg.Registrations(id, st)
	}
}

func (p *Phone) append(kind, subject string, at time.Time, data any, row *store.HistoryRow) {
	raw, err := json.Marshal(data)
	if err != nil { // every type above marshals
		p.log.Error("event could not be written", "type", kind, "error", err)
		return
	}
	id := fmt.Sprintf("%s-%d", p.instance, p.events.Add(1))
	p.store.Append(store.Event{ID: id, Type: kind, Subject: subject, Time: at, Data: raw}, row, func(_ uint64, err error) {
		if err != nil {
			p.log.Error("event could not be stored", "type", kind, "error", err)
		}
	})
}

// Follow hands this run's own events to f, from the first one on and in order,
// until f returns false, the phone has stopped (phone.stopped is the last event
// f sees) or ctx ends. Other processes may write to the same journal; their
// events are passed over.
func (p *Phone) Follow(ctx context.Context, f func(store.Event) bool) error {
	cursor := p.store.Cursor(p.since)
	for {
		ev, err := cursor.Next(ctx)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(ev.ID, p.instance) {
			continue
		}
		if !f(ev) || ev.Type == TypeStopped {
			return nil
		}
	}
}

func summary(o dialer.Outcome) *Summary {
	s := &Summary{
		Disposition: o.Disposition.String(), EndedBy: o.EndedBy.String(),
		RingMS: o.Ring.Milliseconds(), TalkMS: o.Talk.Milliseconds(), Quality: QualityOf(o.Media),
	}
	if o.Err != nil {
		s.Error = o.Err.Error()
	}
	return s
}

// QualityOf translates media statistics.
func QualityOf(m media.Stats) Quality {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	var suite string
	if m.Encryption.Valid() {
		suite = m.Encryption.String()
	}
	return Quality{
		SRTP: suite, Unauthenticated: m.Unauthenticated, Replayed: m.Replayed,
		PacketsSent: m.PacketsSent, PacketsReceived: m.PacketsReceived, PacketsLost: m.PacketsLost, PacketsLate: m.PacketsLate,
		JitterMS: ms(m.Jitter), RTTMS: ms(m.RTT), ConcealedMS: ms(m.Concealed), PlayoutMS: ms(m.PlayoutDelay),
		MOS: math.Round(m.MOS*100) / 100, Call: m.Quality.Rounded(),
	}
}

// historyRow is the call's row in the history: open when the call begins and
// when it is answered, whole when it is over, nil in between. A row that stays
// open tells the next start that the process died in the call.
func (p *Phone) historyRow(ev dialer.Event) *store.HistoryRow {
	var o dialer.Outcome
	switch {
	case ev.Outcome != nil:
		o = *ev.Outcome
	case ev.Type == dialer.EventDialing, ev.Type == dialer.EventIncoming:
		o.Started = ev.Started
	case ev.Type == dialer.EventAnswered:
		o.Started, o.Answered = ev.Started, ev.Time
	default:
		return nil
	}
	direction := "in"
	if ev.Direction == dialer.Outbound {
		direction = "out"
	}
	kind := historyType(ev.Direction, o)
	if away, ok := p.sentAway.Load(ev.CallID); ok && o.Answered.IsZero() {
		kind, _ = away.(store.HistoryType)
	}
	party := *beganWith(&ev)
	return &store.HistoryRow{
		CallID: ev.CallID, Direction: direction, Type: kind,
		Number: p.caller(party).String(), RawNumber: party.URI.User, Name: party.DisplayName,
		AccountID: ev.AccountID, CallType: "NORMAL", Cause: cause(o),
		Started: o.Started, Answered: o.Answered, Ended: o.Ended, Ring: o.Ring, Talk: o.Talk, SIPCode: o.Code,
	}
}

// cause is the disposition in words, empty while the call is up.
func cause(o dialer.Outcome) string {
	if o.Disposition == 0 {
		return ""
	}
	return o.Disposition.String()
}

// historyType sorts a call as PhoneCall 1.3 names them (Person.history.type).
func historyType(d dialer.Direction, o dialer.Outcome) store.HistoryType {
	answered := !o.Answered.IsZero()
	switch {
	case d == dialer.Outbound && answered:
		return store.HistoryOut
	case d == dialer.Outbound:
		return store.HistoryOutCanceled
	case o.Disposition == dialer.Blocked:
		return store.HistoryBlocked
	case answered, o.Disposition == dialer.AnsweredElsewhere:
		return store.HistoryIn
	case o.Disposition == dialer.Declined, o.Disposition == dialer.Busy && o.Ring > 0:
		return store.HistoryRejected // with 486 or 600 too, once it rang
	}
	return store.HistoryMissed
}

// endedByRestart is the ended event of a call that was up when the process died.
func endedByRestart(c store.OpenCall) store.Event {
	direction := "inbound"
	if c.Row.Direction == "out" {
		direction = "outbound"
	}
	raw, _ := json.Marshal(CallEvent{
		Call: c.CallID, Account: c.Row.AccountID, Direction: direction,
		Ended: &Summary{Disposition: "failed", EndedBy: "local", Error: "restart"},
	})
	return store.Event{Type: TypeEnded, Subject: c.Subject, Time: time.Now(), Data: raw}
}
