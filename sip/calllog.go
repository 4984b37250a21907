package sip

import "log/slog"

// SetLogger has all further lines of the log about the dialog go to log, so that
// they carry what its owner knows the call by. Nil changes nothing.
func (d *Dialog) SetLogger(log *slog.Logger) {
	if log != nil {
		d.log.Store(log)
	}
}

func (d *Dialog) logger() *slog.Logger {
	if log := d.log.Load(); log != nil {
		return log
	}
	return d.ua.log
}

// SetLogger has all further lines of the log about the call go to log, those of
// its dialog too: see Dialog.SetLogger.
func (i *Invitation) SetLogger(log *slog.Logger) {
	if log == nil {
		return
	}
	i.log.Store(log)
	i.mu.Lock()
	early := i.early
	i.mu.Unlock()
	if early != nil {
		early.SetLogger(log)
	}
}

// logger is where lines about our own INVITE go.
func (c *ClientInvite) logger() *slog.Logger {
	if c.in.Logger != nil {
		return c.in.Logger
	}
	return c.ua.log
}
