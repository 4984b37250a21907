package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/exchange"
	"github.com/softphone-go/softphone/media/audio"
)

// resultKeys are the figures that every call's result has.
var resultKeys = []string{
	"type", "cause", "sip_code", "ring_ms", "talk_ms", "packets_sent", "packets_received", "packets_lost", "mos",
}

func TestCall_EchoIsHeardAndRecorded(t *testing.T) {
	for name, extra := range map[string][]string{
		"udp":        {"--transport", "udp"},
		"tcp":        {"--transport", "tcp"},
		"registered": {"--register"},
		"pcma 40 ms": {"--codec", "pcma", "--ptime", "40ms"},
	} {
		t.Run(name, func(t *testing.T) {
			ex := newExchange(t)
			heard := filepath.Join(t.TempDir(), "heard.wav")
			p := as(t, ex, "alice", "call", append(extra, "600", "--play", speechFile(t), "--record", heard)...)
			r := p.result()
			require.Zero(t, p.code)
			for _, key := range resultKeys {
				assert.Contains(t, r, key)
			}
			assert.Equal(t, "result", r["type"])
			assert.Equal(t, "completed", r["cause"])
			assert.Equal(t, "local", r["ended_by"])
			assert.EqualValues(t, 200, r["sip_code"])
			assert.Equal(t, heard, r["record"])
			assert.NotContains(t, r, "error")
			assert.Less(t, r.number(t, "ring_ms"), 2000.0)
			assert.InDelta(t, 3300, r.number(t, "talk_ms"), 1000, "2.1 s of sound and a second of tail")
			packets := r.number(t, "talk_ms") / 20
			if name == "pcma 40 ms" {
				packets /= 2
			}
			assert.InDelta(t, packets, r.number(t, "packets_sent"), packets/4)
			assert.InDelta(t, packets, r.number(t, "packets_received"), packets/2)
			assert.Zero(t, r.number(t, "packets_lost"), "loopback loses nothing")
			assert.Greater(t, r.number(t, "mos"), 3.0)
			assert.LessOrEqual(t, r.number(t, "mos"), 4.5)
			assert.Empty(t, p.stderr.String())

			types := strings.Join(p.types(), " ")
			assert.Contains(t, types, "call.answered call.ended result")
			ended := p.event("call.ended")
			assert.Equal(t, "completed", ended["ended"].(map[string]any)["disposition"])

			requireHeard(t, heard)
			info, err := os.Stat(heard)
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		})
	}
}

func TestCall_ThatDoesNotComeAbout(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	for name, c := range map[string]struct {
		target string
		args   []string
		code   int
		cause  string
		status int
	}{
		"busy":           {"602", nil, 4, "busy", 486},
		"declined":       {"605", nil, 5, "declined", 603},
		"no answer":      {"603", []string{"--timeout", "1s"}, 6, "no-answer", -1},
		"unknown number": {"999", nil, 9, "failed", 404},
		"a phone away":   {"bob", nil, 6, "no-answer", 480},
		"forbidden":      {"600", []string{"--user", "bob"}, 12, "failed", 403},
		"nobody there":   {"sip:bob@" + freeAddr(t), []string{"--transport", "tcp"}, 7, "unreachable", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			heard := filepath.Join(t.TempDir(), "heard.wav")
			p := as(t, ex, "alice", "call", append(c.args, c.target, "--record", heard)...)
			r := p.result()
			assert.Equal(t, c.code, p.code)
			for _, key := range resultKeys {
				assert.Contains(t, r, key)
			}
			assert.Equal(t, c.cause, r["cause"])
			if c.status >= 0 {
				assert.EqualValues(t, c.status, r["sip_code"])
			}
			assert.Zero(t, r.number(t, "talk_ms"))
			if name == "no answer" {
				assert.InDelta(t, 1000, r.number(t, "ring_ms"), 500)
				assert.Contains(t, p.types(), "call.ringing")
			} else {
				assert.NotContains(t, p.types(), "call.ringing")
			}
			assert.Empty(t, p.stderr.String(), "the result tells all")
		})
	}
}

func TestCall_WrongPassword(t *testing.T) {
	t.Parallel()
	ex := newExchange(t, func(c *exchange.Config) { c.WrongPassword = 407 })
	w := world{env: map[string]string{"SOFTPHONE_PASSWORD": "wrong"}}
	p := w.start(t, account(t, ex, "alice", "call", "600")...)
	r := p.result()
	assert.Equal(t, exitRegistration, p.code)
	assert.Equal(t, "failed", r["cause"])
	assert.EqualValues(t, 407, r["sip_code"])
}

func TestCall_RegistrationFails(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	w := world{env: map[string]string{"SOFTPHONE_PASSWORD": "wrong"}}
	p := w.start(t, account(t, ex, "alice", "call", "600", "--register")...)
	r := p.result()
	assert.Equal(t, exitRegistration, p.code)
	for _, key := range resultKeys {
		assert.Contains(t, r, key)
	}
	assert.Equal(t, "failed", r["cause"])
	assert.EqualValues(t, 403, r["sip_code"])
	assert.Contains(t, oneSentence(t, p), "password")
}

func TestCall_EarlyMediaIsRecorded(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	heard := filepath.Join(t.TempDir(), "heard.wav")
	p := as(t, ex, "alice", "call", "606", "--record", heard, "--duration", "200ms")
	r := p.result()
	require.Zero(t, p.code)
	assert.InDelta(t, 2000, r.number(t, "ring_ms"), 700)
	assert.EqualValues(t, 183, p.event("call.early_media")["sip_code"])
	wav, err := audio.OpenWAV(heard)
	require.NoError(t, err)
	require.Greater(t, len(wav.Samples()), audio.Narrowband*3/2)
	const piece = audio.Narrowband / 20 // 50 ms; a busy computer may tear the tone somewhere
	rings := 0
	for at := 0; at < 2*audio.Narrowband-piece && at+piece <= len(wav.Samples()); at += piece {
		if s := wav.Samples()[at : at+piece]; power(s, 440)+power(s, 480) > 0.8 {
			rings++
		}
	}
	assert.Greater(t, rings, 20, "a second of ringing tone, 440 and 480 Hz")
}

// power is the share of the power of s at one frequency, at 8 kHz.
func power(s []int16, hz float64) float64 {
	var re, im, all float64
	for i, v := range s {
		phi := 2 * math.Pi * hz * float64(i) / audio.Narrowband
		re += float64(v) * math.Cos(phi)
		im += float64(v) * math.Sin(phi)
		all += float64(v) * float64(v)
	}
	return 2 * (re*re + im*im) / (all * float64(len(s)))
}

func TestCall_DigitsAreReadBack(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	p := as(t, ex, "alice", "call", "604", "--dtmf", "15,9d*#", "--tail", "3s")
	r := p.result()
	require.Zero(t, p.code)
	assert.Equal(t, "159D*#", r["digits_received"])
	var one []string
	for _, l := range jsonLines(t, p.stdout.String()) {
		if l["type"] == "call.dtmf" {
			one = append(one, l["digit"].(string))
		}
	}
	assert.Equal(t, "159D*#", strings.Join(one, ""))
}

func TestCall_AnnouncementEndsIt(t *testing.T) {
	t.Parallel()
	ex := newExchange(t, func(c *exchange.Config) { c.Announcement = make([]int16, audio.Narrowband/2) })
	p := as(t, ex, "alice", "call", "601")
	r := p.result()
	require.Zero(t, p.code)
	assert.Equal(t, "remote", r["ended_by"])
	assert.InDelta(t, 800, r.number(t, "talk_ms"), 500)
}

func TestCall_Hold(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	p := as(t, ex, "alice", "call", "600", "--hold", "300ms,400ms", "--duration", "1500ms")
	p.result()
	require.Zero(t, p.code)
	assert.Equal(t, "local", p.event("call.held")["by"])
	assert.Equal(t, "local", p.event("call.resumed")["by"])
}

func TestCall_InterruptWhileRingingCancels_RFC3261_9_1(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	p := as(t, ex, "alice", "call", "603", "--sip-trace")
	p.says(`"call.ringing"`)
	p.interrupt()
	r := p.result()
	assert.Equal(t, exitCancelled, p.code)
	assert.Equal(t, "cancelled", r["cause"])
	assert.EqualValues(t, 487, r["sip_code"])
	assert.Contains(t, p.stderr.String(), "\nCANCEL sip:603@")
	assert.Contains(t, p.stderr.String(), "\nSIP/2.0 487 ")
	assert.Zero(t, ex.Calls())
}

func TestCall_InterruptWhileTalkingHangsUp(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	p := as(t, ex, "alice", "call", "600", "--sip-trace")
	p.says(`"call.answered"`)
	p.interrupt()
	r := p.result()
	assert.Zero(t, p.code)
	assert.Equal(t, "completed", r["cause"])
	assert.Contains(t, p.stderr.String(), "\nBYE sip:")
	assert.Zero(t, ex.Calls())
}

func TestCall_InWords(t *testing.T) {
	t.Parallel()
	ex := newExchange(t)
	args := append(local(t, "call"), "--server", ex.Addr(), "--user", "alice", "--duration", "300ms", "600")
	p := withPassword("alice").start(t, args...)
	require.Zero(t, p.wait())
	for _, s := range []string{"calling sip:600@", "answered", "ended: completed, by local (200)\n", "completed, ended by local (200);", " packets sent, ", "MOS "} {
		assert.Contains(t, p.stdout.String(), s)
	}
	assert.NotContains(t, p.stdout.String(), "{")

	p = withPassword("alice").start(t, append(local(t, "call"), "--server", ex.Addr(), "--user", "alice", "602")...)
	assert.Equal(t, exitBusy, p.wait())
	assert.Contains(t, p.stdout.String(), "ended: busy, by remote (486 Busy Here)\n")
	assert.Contains(t, p.stdout.String(), "\nbusy, ended by remote (486 Busy Here);")
}
