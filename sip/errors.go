package sip

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrClosed reports a user agent, registration, dialog or invitation that is over.
	ErrClosed = errors.New("sip: closed")
	// ErrUnreachable reports a peer that could not be asked: its name does not
	// resolve, it refused the connection, or it did not answer in time
	// (timers B and F, RFC 3261 §17.1). The wrapping error says which.
	ErrUnreachable = errors.New("peer not reachable")
	// errSilence is ErrUnreachable where the time was over. Such a peer is taken for
	// gone, unlike one whose connection is refused (RFC 3261 §8.1.3.1, §12.2.1.2).
	errSilence = fmt.Errorf("%w", ErrUnreachable)
	// ErrTooLarge reports a request that does not fit UDP (RFC 3261 §18.1.1)
	// on an account that allows UDP only.
	ErrTooLarge = errors.New("request too large for UDP")
	// ErrNoAck reports that our 200 was never acknowledged (RFC 3261 §13.3.1.4).
	ErrNoAck = errors.New("no ACK for our answer within 32 s")
	// ErrNoPrack reports that a reliable provisional response of ours was never
	// acknowledged (RFC 3262 §3).
	ErrNoPrack = errors.New("no PRACK for our provisional response within 32 s")
	// ErrSessionExpired reports a call that was not refreshed in time (RFC 4028 §10).
	ErrSessionExpired = errors.New("the session expired: it was not refreshed in time")
	// ErrNotConfirmed reports a request that needs a confirmed dialog.
	ErrNotConfirmed = errors.New("dialog is not confirmed yet")
)

// StatusError is a final response other than 2xx. It is always a pointer.
type StatusError struct {
	Code   int
	Reason string // phrase as received, or the standard one
	// RetryAfter is the Retry-After header; for 491 it is the random wait of
	// RFC 3261 §14.1 after which the re-INVITE may be tried again.
	RetryAfter time.Duration
	Warning    string // Warning header (RFC 3261 §20.43), empty when absent
}

// Error gives for example "486 Busy Here".
func (e *StatusError) Error() string {
	s := fmt.Sprintf("%d %s", e.Code, e.Reason)
	if e.Warning != "" {
		s += " (" + e.Warning + ")"
	}
	return s
}

// unreachable wraps cause so that errors.Is finds ErrUnreachable.
func unreachable(what string, cause error) error {
	if cause == nil {
		return &unreachableError{what: what}
	}
	if errors.Is(cause, ErrUnreachable) || errors.Is(cause, context.Canceled) || errors.Is(cause, ErrClosed) {
		return cause
	}
	return &unreachableError{what, cause}
}

// unreachableError is a sentence of its own, and ErrUnreachable to errors.Is.
type unreachableError struct {
	what  string
	cause error // may be nil
}

func (e *unreachableError) Error() string {
	if e.cause == nil {
		return e.what
	}
	return e.what + ": " + e.cause.Error()
}

func (e *unreachableError) Is(target error) bool { return target == ErrUnreachable }

func (e *unreachableError) Unwrap() error { return e.cause }
