package exchange

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/internal/memnet"
)

func TestRegister_DigestBothAlgorithms_RFC8760(t *testing.T) {
	for _, algo := range []string{"MD5", "SHA-256"} {
		for _, tcp := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, memnet.Link{Delay: time.Millisecond}, nil)
				defer l.close()
				p := l.phone("alice", "open sesame", "10.0.0.1:5060")
				if tcp {
					p.close()
					p = l.tcpPhone("alice", "open sesame", "10.0.0.1:6000")
				}
				defer p.close()
				p.algo = algo
				assert.False(t, l.ex.Registered("alice"))
				res := p.register("Expires: 600")
				require.Equal(t, 200, res.StatusCode)
				assert.True(t, l.ex.Registered("alice"))
				assert.True(t, l.ex.Registered("0212345678"), "an alias is the same user")
				v, _ := res.Contact().Params.Get("expires")
				assert.Equal(t, "600", v)
				require.Equal(t, 200, p.register("Expires: 0").StatusCode)
				assert.False(t, l.ex.Registered("alice"))
			})
		}
	}
}

func TestRegister_ChallengeOffersBestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, nil)
		defer l.close()
		p := l.phone("alice", "open sesame", "10.0.0.1:5060")
		defer p.close()
		p.write([]byte(p.message("REGISTER", "sip:exchange", "<sip:alice@exchange>;tag=1", "<sip:alice@exchange>", "c", 1, "")))
		res := p.response(401)
		hs := res.GetHeaders("WWW-Authenticate")
		require.Len(t, hs, 2)
		assert.Contains(t, hs[0].Value(), "SHA-256")
		assert.Contains(t, hs[1].Value(), "MD5")
	})
}

func TestRegister_WrongPasswordAndStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, nil)
		defer l.close()
		for name, password := range map[string]string{"alice": "wrong", "nobody": "x", "0212345678": "open sesame"} {
			p := l.phone(name, password, "10.0.0.1:0")
			assert.Equal(t, 403, p.register().StatusCode, name)
			p.close()
		}
		assert.False(t, l.ex.Registered("alice"))
	})
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, func(c *Config) { c.WrongPassword = 401 })
		defer l.close()
		p := l.phone("alice", "wrong", "10.0.0.1:0")
		defer p.close()
		assert.Equal(t, 401, p.register().StatusCode)
	})
}

func TestRegister_StaleNonce_RFC7616_3_3(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, nil)
		defer l.close()
		p := l.phone("alice", "open sesame", "10.0.0.1:5060")
		defer p.close()
		msg := func(seq int, lines ...string) {
			p.write([]byte(p.message("REGISTER", "sip:exchange", "<sip:alice@exchange>;tag=1", "<sip:alice@exchange>", "c", seq, "", lines...)))
		}
		msg(1)
		old := p.credentials(p.response(401), "REGISTER", "sip:exchange")
		msg(2, old)
		p.response(200)
		time.Sleep(5*time.Minute + time.Second)
		msg(3, old)
		res := p.response(401)
		assert.Contains(t, res.GetHeaders("WWW-Authenticate")[0].Value(), "stale=true")
		msg(4, p.credentials(res, "REGISTER", "sip:exchange"))
		p.response(200)
	})
}

func TestRegister_ExpiryAsGranted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, func(c *Config) { c.Expires, c.MinExpires = 2*time.Minute, time.Minute })
		defer l.close()
		p := l.phone("alice", "open sesame", "10.0.0.1:5060")
		defer p.close()
		res := p.register("Expires: 30")
		require.Equal(t, 423, res.StatusCode)
		assert.Equal(t, "60", headerValue(res, "Min-Expires"))
		for _, lines := range [][]string{{"Expires: 7200"}, {}, {"Expires: 99999999999999999999"}} {
			res = p.register(lines...)
			require.Equal(t, 200, res.StatusCode)
			v, _ := res.Contact().Params.Get("expires")
			assert.Equal(t, "120", v, "never more than the exchange grants: %v", lines)
		}
		res = p.register("Expires: 70", fmt.Sprintf("Contact: <sip:alice@%s>;expires=90", p.addr))
		v, _ := res.Contact().Params.Get("expires")
		assert.Equal(t, "90", v, "the contact's own wish comes first")
		time.Sleep(89 * time.Second)
		assert.True(t, l.ex.Registered("alice"))
		time.Sleep(2 * time.Second)
		assert.False(t, l.ex.Registered("alice"))
	})
}

func TestRegister_SeveralContactsAndStar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, nil)
		defer l.close()
		p := l.phone("alice", "open sesame", "10.0.0.1:5060")
		defer p.close()
		q := l.phone("alice", "open sesame", "10.0.0.2:5060")
		defer q.close()
		require.Equal(t, 200, p.register().StatusCode)
		res := q.register()
		assert.Len(t, res.GetHeaders("Contact"), 2)
		assert.Len(t, l.ex.Contacts("alice"), 2)
		assert.Equal(t, 400, q.register("Contact: *", "Expires: 60").StatusCode)
		assert.Equal(t, 200, q.register("Contact: *", "Expires: 0").StatusCode)
		assert.Empty(t, l.ex.Contacts("alice"))
	})
}

func TestSetFailing_AndRestartOnTheSameAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, nil)
		p := l.phone("alice", "open sesame", "10.0.0.1:5060")
		defer p.close()
		l.ex.SetFailing(503)
		assert.Equal(t, 503, p.register().StatusCode)
		l.ex.SetFailing(0)
		assert.Equal(t, 200, p.register().StatusCode)
		require.NoError(t, l.ex.Close())
		require.NoError(t, l.ex.Close())
		var err error
		l.ex, err = Start(l.ex.cfg)
		require.NoError(t, err)
		assert.Equal(t, exchangeAddr, l.ex.Addr())
		assert.False(t, l.ex.Registered("alice"))
		assert.Equal(t, 200, p.register().StatusCode)
		l.close()
	})
}

func TestStart_SaysWhatIsWrong(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:5060", "nowhere", "127.0.0.1"} {
		_, err := Start(Config{Addr: addr})
		assert.ErrorContains(t, err, "127.0.0.1:5060", addr)
	}
	_, err := Start(Config{Users: []User{{Name: "a"}, {Name: "b", Aliases: []string{"a"}}}})
	assert.ErrorContains(t, err, "taken twice")
	_, err = Start(Config{Users: []User{{Name: "600"}}})
	assert.ErrorContains(t, err, "taken twice")
	ex, err := Start(Config{})
	require.NoError(t, err)
	defer ex.Close()
	_, err = Start(Config{Addr: ex.Addr()})
	assert.ErrorContains(t, err, ex.Addr())
}

func TestBadRequests_AreAnsweredAndTheExchangeLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, memnet.Link{}, nil)
		defer l.close()
		p := l.phone("alice", "open sesame", "10.0.0.1:5060")
		defer p.close()
		p.write([]byte("complete nonsense\r\n\r\n"))
		p.write([]byte{0, 0, 0, 0})
		ok := p.message("REGISTER", "sip:exchange", "<sip:alice@exchange>;tag=1", "<sip:alice@exchange>", "x", 1, "")
		p.write([]byte(strings.Replace(ok, "Call-ID: x\r\n", "", 1)))
		p.response(400)
		p.write([]byte(strings.Replace(ok, "CSeq: 1 REGISTER", "CSeq: 1 INVITE", 1)))
		p.response(400)
		p.write([]byte(p.message("SUBSCRIBE", "sip:exchange", "<sip:alice@exchange>;tag=1", "<sip:alice@exchange>", "y", 1, "")))
		assert.Contains(t, headerValue(p.response(405), "Allow"), "INVITE")
		p.write([]byte(p.message("OPTIONS", "sip:exchange", "<sip:alice@exchange>;tag=1", "<sip:alice@exchange>", "z", 1, "")))
		p.response(200)
		for _, m := range []string{"BYE", "INFO", "INVITE"} {
			p.write([]byte(p.message(m, "sip:exchange", "<sip:alice@exchange>;tag=1", "<sip:alice@exchange>;tag=2", "q"+m, 1, "")))
			p.response(481)
		}
		assert.Equal(t, 200, p.register().StatusCode)
	})
}
