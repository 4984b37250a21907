package sip

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icholy/digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func udpAddr(a interface{ String() string }) net.Addr {
	u, _ := net.ResolveUDPAddr("udp", a.String())
	return u
}

// register makes the account registered for an hour.
func (w *world) register() *Registration {
	w.t.Helper()
	r, err := w.ua.Register(w.account(), nil)
	require.NoError(w.t, err)
	w.p.reply(w.p.request("REGISTER"), 200, "OK", "r", "", "Expires: 3600")
	require.NoError(w.t, r.Wait(context.Background()))
	return r
}

// states collects what the callback is told.
func states() (func(RegistrationState), <-chan RegistrationState) {
	ch := make(chan RegistrationState, 1000)
	return func(s RegistrationState) { ch <- s }, ch
}

func phase(t *testing.T, ch <-chan RegistrationState, want Phase) RegistrationState {
	t.Helper()
	select {
	case s := <-ch:
		require.Equal(t, want.String(), s.Phase.String(), "%+v", s)
		return s
	case <-time.After(time.Hour):
		t.Fatalf("no %s", want)
	}
	panic("unreachable")
}

func verify(t *testing.T, header, method, nonce, algorithm string) {
	t.Helper()
	got, err := digest.ParseCredentials(header)
	require.NoError(t, err)
	chal := &digest.Challenge{Realm: "r", Nonce: nonce, Algorithm: algorithm}
	if got.QOP != "" {
		chal.QOP = []string{"auth"}
	}
	want, err := digest.Digest(chal, digest.Options{Method: method, URI: got.URI, Username: "alice", Password: "secret", Count: got.Nc, Cnonce: got.Cnonce})
	require.NoError(t, err)
	assert.Equal(t, want.Response, got.Response)
	assert.Equal(t, nonce, got.Nonce)
}

func TestRegister_DigestStrongestOfSeveral_RFC8760(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		f, ch := states()
		r, err := w.ua.Register(w.account(), f)
		require.NoError(t, err)
		phase(t, ch, Registering)
		first := w.p.request("REGISTER")
		assert.Equal(t, "sip:example.com", first.uri())
		assert.Equal(t, "<sip:alice@10.0.0.1:5060>;expires=3600", first.get("Contact"))
		w.p.reply(first, 401, "Unauthorized", "r", "",
			`WWW-Authenticate: Digest realm="r", nonce="m", algorithm=MD5, qop="auth"`,
			`WWW-Authenticate: Digest realm="r", nonce="s", algorithm=SHA-256, qop="auth-int, auth"`)
		second := w.p.request("REGISTER")
		verify(t, second.get("Authorization"), "REGISTER", "s", "SHA-256")
		assert.Equal(t, first.get("Call-ID"), second.get("Call-ID"))
		w.p.reply(second, 200, "OK", "r", "", "Contact: <sip:alice@9.9.9.9>;expires=7", "Contact: <sip:alice@10.0.0.1:5060>;expires=120", "Expires: 999")
		s := phase(t, ch, Registered)
		assert.Equal(t, 120*time.Second, s.Expires)
		assert.Equal(t, "sip:alice@10.0.0.1:5060", s.Contact)
		require.NoError(t, r.Wait(context.Background()))
		// Refresh: 40 s before expiry, credentials sent at once with the next count.
		refresh := w.p.request("REGISTER")
		assert.Equal(t, 80*time.Second, refresh.at.Sub(second.at))
		verify(t, refresh.get("Authorization"), "REGISTER", "s", "SHA-256")
		assert.Contains(t, refresh.get("Authorization"), "nc=00000002")
		// The nonce is too old by now: that is no wrong password.
		w.p.reply(refresh, 401, "Unauthorized", "r", "", `WWW-Authenticate: Digest realm="r", nonce="s2", algorithm=SHA-256, stale=true`)
		again := w.p.request("REGISTER")
		verify(t, again.get("Authorization"), "REGISTER", "s2", "SHA-256")
		w.p.reply(again, 200, "OK", "r", "", "Expires: 60")
		assert.Equal(t, time.Minute, phase(t, ch, Registered).Expires)
		// Un-registration.
		done := make(chan error)
		go func() { done <- r.Close(context.Background()) }()
		bye := w.p.request("REGISTER")
		assert.Equal(t, "<sip:alice@10.0.0.1:5060>;expires=0", bye.get("Contact"))
		assert.Equal(t, "0", bye.get("Expires"))
		phase(t, ch, Unregistering)
		w.p.reply(bye, 200, "OK", "r", "")
		require.NoError(t, <-done)
		phase(t, ch, Unregistered)
		require.NoError(t, r.Close(context.Background()))
		require.ErrorIs(t, r.Wait(context.Background()), ErrClosed)
	})
}

func TestRegister_RefreshTimes_RFC3261_10_2_4(t *testing.T) {
	for granted, after := range map[time.Duration]time.Duration{
		time.Second: time.Second, 2 * time.Second: time.Second, 30 * time.Second: 15 * time.Second,
		60 * time.Second: 30 * time.Second, 120 * time.Second: 80 * time.Second,
		300 * time.Second: 260 * time.Second, time.Hour: 54 * time.Minute,
	} {
		assert.Equal(t, after, refreshAfter(granted), granted)
	}
}

func TestRegister_WrongPasswordIsNotHammered(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		f, ch := states()
		r, err := w.ua.Register(w.account(), f)
		require.NoError(t, err)
		for range 2 {
			w.p.reply(w.p.request("REGISTER"), 401, "Unauthorized", "r", "", `WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5`)
		}
		phase(t, ch, Registering)
		s := phase(t, ch, Rejected)
		assert.Equal(t, 401, s.Code)
		err = r.Wait(context.Background())
		var e *StatusError
		require.ErrorAs(t, err, &e)
		assert.ErrorContains(t, err, "does not accept user name and password")
		assert.NotContains(t, err.Error(), "secret")
		w.p.silence(24 * time.Hour)
		a := w.account()
		a.Password = "better"
		r.Update(a)
		w.p.reply(w.p.request("REGISTER"), 200, "OK", "r", "", "Expires: 3600")
		phase(t, ch, Registering)
		phase(t, ch, Registered)
	})
}

func TestRegister_StaleOnceMoreOnly_RFC7616_3_3(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		for i := range 3 {
			w.p.reply(w.p.request("REGISTER"), 401, "Unauthorized", "r", "", fmt.Sprintf(`WWW-Authenticate: Digest realm="r", nonce="n%d", stale=true`, i))
		}
		require.Error(t, r.Wait(context.Background()))
		w.p.silence(time.Hour)
	})
}

func TestRegister_MinExpires_RFC3261_10_2_8(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		a := w.account()
		a.Expires = 30 * time.Second
		r, err := w.ua.Register(a, nil)
		require.NoError(t, err)
		first := w.p.request("REGISTER")
		assert.Equal(t, "30", first.get("Expires"))
		w.p.reply(first, 423, "Interval Too Brief", "r", "", "Min-Expires: 90")
		second := w.p.request("REGISTER")
		assert.Equal(t, "90", second.get("Expires"))
		assert.Equal(t, first.at, second.at)
		w.p.reply(second, 200, "OK", "r", "")
		require.NoError(t, r.Wait(context.Background()))
		assert.Equal(t, 90*time.Second, r.State().Expires)
		third := w.p.request("REGISTER")
		assert.Equal(t, 50*time.Second, third.at.Sub(second.at))
		assert.Equal(t, "90", third.get("Expires"))
		w.p.reply(third, 423, "Interval Too Brief", "r", "", "Min-Expires: 5") // nonsense: no loop
		w.p.silence(400 * time.Millisecond)
		assert.Equal(t, Retrying, r.State().Phase)
	})
}

func TestRegister_BacksOffAndRecovers(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		f, ch := states()
		_, err := w.ua.Register(w.account(), f)
		require.NoError(t, err)
		phase(t, ch, Registering)
		prev := time.Time{}
		wait := time.Duration(0)
		for n := 1; n <= 12; n++ {
			m := w.p.request("REGISTER")
			if n > 1 {
				assert.Equal(t, wait, m.at.Sub(prev), n)
			}
			w.p.reply(m, 503, "Service Unavailable", "r", "")
			s := phase(t, ch, Retrying)
			step := min(time.Second<<(n-1), time.Minute)
			assert.GreaterOrEqual(t, s.RetryIn, step/2)
			assert.LessOrEqual(t, s.RetryIn, step)
			assert.Equal(t, n, s.Attempt)
			prev, wait = m.at, s.RetryIn
			if n < 12 {
				phase(t, ch, Registering)
			}
		}
		// The registrar is back: within one step all is well.
		phase(t, ch, Registering)
		m := w.p.request("REGISTER")
		w.p.reply(m, 500, "Oops", "r", "", "Retry-After: 200")
		assert.Equal(t, 200*time.Second, phase(t, ch, Retrying).RetryIn)
		phase(t, ch, Registering)
		w.p.reply(w.p.request("REGISTER"), 200, "OK", "r", "", "Expires: 3600")
		assert.Zero(t, phase(t, ch, Registered).Attempt)
	})
}

func TestRegister_SilentRegistrarTimerF_RFC3261_17_1_2_2(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		f, ch := states()
		start := time.Now()
		w.net.Cut(w.p.addr.Addr(), true)
		_, err := w.ua.Register(w.account(), f)
		require.NoError(t, err)
		phase(t, ch, Registering)
		s := phase(t, ch, Retrying)
		assert.Equal(t, 32*time.Second, time.Since(start))
		require.ErrorIs(t, s.Err, ErrUnreachable)
		w.net.Cut(w.p.addr.Addr(), false)
		phase(t, ch, Registering)
		assert.Equal(t, 32*time.Second+s.RetryIn, time.Since(start))
		w.p.reply(w.p.request("REGISTER"), 200, "OK", "r", "", "Expires: 3600")
		phase(t, ch, Registered)
	})
}

func TestRegister_RefusalAfterSuccessIsRetriedFirst(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		r := w.register()
		for range maxRefusals {
			w.p.reply(w.p.next(2*time.Hour), 403, "Forbidden", "r", "")
			synctest.Wait()
			assert.Equal(t, Retrying, r.State().Phase)
		}
		w.p.reply(w.p.request("REGISTER"), 403, "Forbidden", "r", "")
		synctest.Wait()
		assert.Equal(t, Rejected, r.State().Phase)
		w.p.silence(time.Hour)
	})
}

func TestRegister_BehindNAT_RFC3581(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		answer := func(m *message, code int, reason string, extra ...string) {
			text := replyText(w.p.addr, m, code, reason, "r", "", extra...)
			text = strings.Replace(text, ";rport", ";rport=4444;received=203.0.113.9", 1)
			w.p.write(m.from, text)
		}
		first := w.p.request("REGISTER")
		answer(first, 200, "OK", "Expires: 3600")
		second := w.p.request("REGISTER")
		assert.Equal(t, first.at, second.at)
		assert.Equal(t, []string{"<sip:alice@203.0.113.9:4444>;expires=3600", "<sip:alice@10.0.0.1:5060>;expires=0"}, second.all("Contact"))
		answer(second, 200, "OK", "Expires: 3600")
		require.NoError(t, r.Wait(context.Background()))
		assert.Equal(t, "sip:alice@203.0.113.9:4444", r.State().Contact)
		c := w.call()
		inv := w.p.request("INVITE")
		assert.Equal(t, "sip:alice@203.0.113.9:4444", inv.contact())
		w.p.reply(inv, 486, "Busy", "x", "")
		w.p.request("ACK")
		next[Sent](t, c)
		next[Final](t, c)
	})
}

func TestRegister_UpdateMovesTheBinding(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		r := w.register()
		a := w.account()
		a.User = "carol"
		r.Update(a)
		old := w.p.request("REGISTER")
		assert.Equal(t, "<sip:alice@10.0.0.1:5060>;expires=0", old.get("Contact"))
		w.p.reply(old, 200, "OK", "r", "")
		fresh := w.p.request("REGISTER")
		assert.Equal(t, "<sip:carol@10.0.0.1:5060>;expires=3600", fresh.get("Contact"))
		w.p.reply(fresh, 200, "OK", "r", "", "Expires: 3600")
		require.NoError(t, r.Wait(context.Background()))
		a.User = ""
		r.Update(a)
		w.p.reply(w.p.request("REGISTER"), 200, "OK", "r", "")
		require.ErrorContains(t, r.Wait(context.Background()), "no user name")
	})
}

func TestRegister_OverTCPReconnects(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		l, err := w.net.Host(w.p.addr.Addr()).Listen(context.Background(), "tcp4", w.p.addr.String())
		require.NoError(t, err)
		a := w.account()
		a.Transport = TCP
		f, ch := states()
		_, err = w.ua.Register(a, f)
		require.NoError(t, err)
		for n := range 2 {
			c, err := l.Accept()
			require.NoError(t, err)
			buf := make([]byte, 65536)
			k, err := c.Read(buf)
			require.NoError(t, err)
			m := readMessage(t, buf[:k], w.p.addr)
			assert.Contains(t, m.get("Via"), "SIP/2.0/TCP 10.0.0.1:5060")
			assert.Equal(t, "sip:alice@10.0.0.1:5060;transport=tcp", m.contact())
			text := "\r\n\r\n" + replyText(w.p.addr, m, 200, "OK", "r", "", "Expires: 3600") // a ping before it
			_, err = c.Write([]byte(text[:20]))
			require.NoError(t, err)
			_, err = c.Write([]byte(text[20:]))
			require.NoError(t, err)
			if n == 0 {
				phase(t, ch, Registering)
			}
			phase(t, ch, Registered)
			k, err = c.Read(buf)
			require.NoError(t, err)
			assert.Equal(t, "\r\n", string(buf[:k])) // pong
			require.NoError(t, c.Close())            // the registrar restarts
		}
		require.NoError(t, l.Close())
		s := phase(t, ch, Retrying)
		require.ErrorIs(t, s.Err, ErrUnreachable)
	})
}

// The registrar may have the binding though its 200 has not come yet.
func TestRegister_CloseBeforeThe200Unregisters(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		challenge := `WWW-Authenticate: Digest realm="r", nonce="n"`
		w.p.reply(w.p.request("REGISTER"), 401, "Unauthorized", "r", "", challenge)
		first := w.p.request("REGISTER")
		require.NotEmpty(t, first.get("Authorization"))
		done := make(chan error, 1)
		go func() { done <- r.Close(context.Background()) }()
		bye := w.p.request("REGISTER")
		assert.Equal(t, "<"+first.contact()+">;expires=0", bye.get("Contact"))
		w.p.reply(bye, 200, "OK", "r", "")
		require.NoError(t, <-done)
	})
}

// A registrar that ends the connection after every answer is not hammered.
func TestRegister_OverTCPClosedEachTimeIsNotHammered(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		l, err := w.net.Host(w.p.addr.Addr()).Listen(context.Background(), "tcp4", w.p.addr.String())
		require.NoError(t, err)
		count := make(chan struct{}, 100000)
		w.p.wg.Go(func() {
			buf := make([]byte, 65536)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				if k, err := c.Read(buf); err == nil && len(count) < 10000 {
					count <- struct{}{}
					_, _ = c.Write([]byte(replyText(w.p.addr, readMessage(t, buf[:k], w.p.addr), 200, "OK", "r", "", "Expires: 3600")))
				}
				time.Sleep(10 * time.Millisecond) // a round trip, in the bubble's time
				_ = c.Close()
			}
		})
		a := w.account()
		a.Transport = TCP
		_, err = w.ua.Register(a, nil)
		require.NoError(t, err)
		time.Sleep(10 * time.Minute)
		assert.Less(t, len(count), 60)
		assert.Greater(t, len(count), 8) // it does come back
		require.NoError(t, l.Close())
	})
}

func TestAccount_NeverShowsThePassword(t *testing.T) {
	a := Account{ID: "a", User: "alice", Domain: "example.com", Password: "hunter2"}
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "account", a)
	text := b.String() + fmt.Sprintf("%v %+v %#v %s", a, a, a, a)
	assert.NotContains(t, text, "hunter2")
}
