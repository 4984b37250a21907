//go:build !linux

package sip

import (
	"net"
	"time"
)

// watchDelivery does nothing: here the system's own keep-alives have to do.
func watchDelivery(*net.Dialer, time.Duration) {}
