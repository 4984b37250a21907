package sip

import (
	"encoding/binary"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestStampOf(t *testing.T) {
	now := time.Now()
	stamp := func(at time.Time) []byte {
		d := binary.NativeEndian
		h := make([]byte, syscall.CmsgSpace(16))
		header := syscall.Cmsghdr{Level: syscall.SOL_SOCKET, Type: syscall.SCM_TIMESTAMPNS}
		size := uint64(syscall.CmsgLen(16))
		if syscall.SizeofCmsghdr == 16 {
			d.PutUint64(h, size)
		} else {
			d.PutUint32(h, uint32(size))
		}
		at32 := syscall.SizeofCmsghdr - 8
		d.PutUint32(h[at32:], uint32(header.Level))
		d.PutUint32(h[at32+4:], uint32(header.Type))
		d.PutUint64(h[syscall.SizeofCmsghdr:], uint64(at.Unix()))
		d.PutUint64(h[syscall.SizeofCmsghdr+8:], uint64(at.Nanosecond()))
		return h
	}
	second := now.Add(-time.Second)
	assert.WithinDuration(t, second, stampOf(stamp(second), now), time.Microsecond)
	assert.Equal(t, now, stampOf(stamp(now.Add(time.Hour)), now), "a clock that was set back")
	assert.Equal(t, now, stampOf(stamp(now.Add(-time.Hour)), now), "a clock that was set on")
	assert.Equal(t, now, stampOf(nil, now))
	assert.Equal(t, now, stampOf([]byte{1, 2, 3}, now))
}
