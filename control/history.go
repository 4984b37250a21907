package control

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/softphone-go/softphone/control/api"
	"github.com/softphone-go/softphone/store"
)

type historyQuery struct {
	Type      []string  `query:"type" enum:"OUT,OUT_CANCELED,IN,REJECTED,MISSED,VOICE_MESSAGE,BLOCKED" doc:"Only these, separated by commas (PhoneCall 1.3, history.type)."`
	Number    string    `query:"number" maxLength:"256" doc:"Only calls of this number, in any spelling."`
	Direction string    `query:"direction" enum:"in,out"`
	Account   string    `query:"account" maxLength:"256"`
	Since     time.Time `query:"since" doc:"Only calls that began then or later."`
	Until     time.Time `query:"until" doc:"Only calls that began before."`
	Before    int64     `query:"before" minimum:"1" doc:"Only calls older than that of this id: the next of the last page."`
	Limit     int       `query:"limit" minimum:"1" maximum:"5000" default:"100"`
}

func (s *Server) serveHistory(r router) {
	route(s, r, huma.Operation{
		OperationID: "listHistory", Method: http.MethodGet, Path: "/v1/history", Tags: []string{"history"},
		Summary: "List calls that were, newest first",
	}, nil, s.listHistory)
}

func (s *Server) listHistory(ctx context.Context, in *historyQuery) (*body[api.History], error) {
	f := store.HistoryFilter{
		Direction: in.Direction, AccountID: in.Account, Since: in.Since, Until: in.Until, BeforeID: in.Before, Limit: in.Limit + 1,
	}
	for _, t := range in.Type {
		f.Types = append(f.Types, store.HistoryType(t))
	}
	if in.Number != "" {
		f.Number = s.cfg.Numbers.Parse(in.Number).String()
	}
	rows, err := s.cfg.History.History(ctx, f)
	if err != nil {
		return nil, err
	}
	out := &body[api.History]{api.History{Calls: []api.Call{}}}
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		out.Body.Next = rows[in.Limit-1].ID
	}
	for _, row := range rows {
		out.Body.Calls = append(out.Body.Calls, callOf(row))
	}
	return out, nil
}

func callOf(r store.HistoryRow) api.Call {
	return api.Call{
		ID: r.ID, Call: r.CallID, Direction: r.Direction, Type: string(r.Type), Number: r.Number, RawNumber: r.RawNumber,
		Name: r.Name, Account: r.AccountID, CallType: r.CallType, Cause: r.Cause,
		Started: r.Started, Answered: r.Answered, Ended: r.Ended,
		RingMS: r.Ring.Milliseconds(), TalkMS: r.Talk.Milliseconds(), SIPCode: r.SIPCode,
	}
}
