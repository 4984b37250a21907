package main

import (
	"errors"
	"fmt"

	"github.com/softphone-go/softphone/dialer"
	"github.com/softphone-go/softphone/sip"
)

// Exit codes. They are documented in the README, in `softphone --help`, and with
// what some commands mean by them in `softphone help exit-codes`.
const (
	exitDone         = 0
	exitInternal     = 1
	exitUsage        = 2
	exitRegistration = 3 // registration or authentication failed
	exitBusy         = 4
	exitDeclined     = 5
	exitNoAnswer     = 6
	exitUnreachable  = 7
	exitMedia        = 8
	exitNotFound     = 9
	exitCancelled    = 10
	exitBlocked      = 11
	exitRejected     = 12
)

const exitHelp = `Exit codes:
  0  done                       7  unreachable: no route, refused, no response
  1  internal error             8  media failed: no common codec, no port, no sound
  2  wrong usage or bad input   9  not found: the number does not exist
  3  registration or            10 cancelled before it was answered
     authentication failed      11 blocked by a rule
  4  busy                       12 rejected for another reason (see sip_code)
  5  declined
  6  no answer`

// exitError carries the exit code of an error.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// exitCode is what the process ends with for err.
func exitCode(err error) int {
	var e *exitError
	var status *sip.StatusError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &e):
		return e.code
	case errors.As(err, &status):
		return exitOfStatus(status.Code)
	case errors.Is(err, sip.ErrUnreachable):
		return exitUnreachable
	}
	return exitInternal
}

func exitOfStatus(code int) int {
	switch code {
	case 401, 407:
		return exitRegistration
	case 404, 410, 484, 604:
		return exitNotFound
	case 486, 600:
		return exitBusy
	case 603, 607, 608:
		return exitDeclined
	case 408, 480:
		return exitNoAnswer
	case 488, 606:
		return exitMedia
	case 487:
		return exitCancelled
	}
	return exitRejected
}

// exitOfOutcome is what a call's end means to the shell.
func exitOfOutcome(o dialer.Outcome) int {
	switch o.Disposition {
	case dialer.Completed, dialer.AnsweredElsewhere:
		return exitDone
	case dialer.Busy:
		return exitBusy
	case dialer.Declined:
		return exitDeclined
	case dialer.NoAnswer, dialer.Missed:
		return exitNoAnswer
	case dialer.Cancelled:
		return exitCancelled
	case dialer.Blocked:
		return exitBlocked
	case dialer.Unreachable:
		return exitUnreachable
	case dialer.MediaFailed:
		return exitMedia
	case dialer.Failed:
		if o.Code >= 300 {
			return exitOfStatus(o.Code)
		}
		return exitUnreachable
	}
	return exitInternal
}
