package sip

import (
	"context"
	"net/netip"
)

type UserAgent struct{}

func New(cfg Config) (*UserAgent, error)                                   { return nil, ErrClosed }
func (ua *UserAgent) Serve(ctx context.Context, h func(*Invitation)) error { return ErrClosed }
func (ua *UserAgent) Listening() []Listen                                  { return nil }
func (ua *UserAgent) Close() error                                         { return nil }
func (ua *UserAgent) Register(a Account, f func(RegistrationState)) (*Registration, error) {
	return nil, ErrClosed
}
func (ua *UserAgent) Invite(ctx context.Context, r InviteRequest) *ClientInvite { return nil }
func (ua *UserAgent) Options(ctx context.Context, target URI) (Capabilities, error) {
	return Capabilities{}, ErrClosed
}

type Registration struct{}

func (r *Registration) State() RegistrationState        { return RegistrationState{} }
func (r *Registration) Wait(ctx context.Context) error  { return ErrClosed }
func (r *Registration) Update(a Account)                {}
func (r *Registration) Close(ctx context.Context) error { return nil }

type ClientInvite struct{}

func (c *ClientInvite) Responses() <-chan Response { return nil }
func (c *ClientInvite) Cancel(reason string)       {}

type Invitation struct{}

func (i *Invitation) CallID() string                       { return "" }
func (i *Invitation) Caller() Identity                     { return Identity{} }
func (i *Invitation) Callee() URI                          { return URI{} }
func (i *Invitation) AccountID() string                    { return "" }
func (i *Invitation) Header(name string) []string          { return nil }
func (i *Invitation) Offer() []byte                        { return nil }
func (i *Invitation) Local() netip.Addr                    { return netip.Addr{} }
func (i *Invitation) Source() netip.AddrPort               { return netip.AddrPort{} }
func (i *Invitation) Ring(code int, body []byte) error     { return ErrClosed }
func (i *Invitation) Reject(code int, reason string) error { return ErrClosed }
func (i *Invitation) Accept(body []byte) (*Dialog, error)  { return nil, ErrClosed }
func (i *Invitation) Done() <-chan struct{}                { return nil }
func (i *Invitation) Cause() CancelCause                   { return CancelCause{} }

type Dialog struct{}

func (d *Dialog) ID() string                                   { return "" }
func (d *Dialog) CallID() string                               { return "" }
func (d *Dialog) Remote() Identity                             { return Identity{} }
func (d *Dialog) Local() netip.Addr                            { return netip.Addr{} }
func (d *Dialog) Handle(f func(DialogEvent))                   {}
func (d *Dialog) Ack(body []byte) error                        { return ErrClosed }
func (d *Dialog) Bye(ctx context.Context, reason string) error { return nil }
func (d *Dialog) ReInvite(ctx context.Context, f OfferFunc) ([]byte, error) {
	return nil, ErrClosed
}
func (d *Dialog) Info(ctx context.Context, contentType string, body []byte) error { return ErrClosed }

func Redact(message []byte) []byte { return message }
