package media

import "errors"

// Errors that callers tell apart.
var (
	// ErrNoPort says that no pair of ports of the range could be opened.
	ErrNoPort = errors.New("no free RTP port")

	// ErrClosed says that the Session, Socket or Ports was closed before.
	ErrClosed = errors.New("media session is closed")

	// ErrNoEvents says that the peer takes no telephone events (RFC 4733), so
	// that digits must go another way.
	ErrNoEvents = errors.New("the peer takes no telephone events")

	// ErrQueueFull says that too many digits wait to be sent.
	ErrQueueFull = errors.New("too many digits wait to be sent")
)
