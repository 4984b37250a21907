package sip

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The examples of the RFCs; that of RFC 7616 §3.9.2 with its erratum 4897.
func TestDigest_Examples_RFC2617_RFC7616(t *testing.T) {
	const (
		nonce  = `nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"`
		cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
		opaque = `opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
	)
	for _, c := range []struct{ challenge, user, password, uri, cnonce, want string }{
		{`Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`,
			"Mufasa", "Circle Of Life", "/dir/index.html", "0a4f113b", "6629fae49393a05397450978507c4ef1"},
		{`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, ` + nonce + ", " + opaque,
			"Mufasa", "Circle of Life", "/dir/index.html", cnonce, "8ca523f5e9506fed4657c9700eebdbec"},
		{`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, ` + nonce + ", " + opaque,
			"Mufasa", "Circle of Life", "/dir/index.html", cnonce, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{`Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="x", charset=UTF-8, userhash=true`,
			"Jäsøn Doe", "Secret, or not?", "/doe.json", "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"},
	} {
		ch, err := parseChallenge(c.challenge)
		require.NoError(t, err, c.challenge)
		got, err := authParams(strings.TrimPrefix(ch.credentials("GET", c.uri, c.user, c.password, c.cnonce, 1), "Digest "))
		require.NoError(t, err)
		assert.Equal(t, c.want, got["response"], c.challenge)
		assert.Equal(t, "00000001", got["nc"])
		assert.Equal(t, ch.opaque, got["opaque"])
		if ch.userhash {
			assert.Equal(t, "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b", got["username"])
			assert.Equal(t, "true", got["userhash"])
		}
	}
}

// digestOf is the calculation of RFC 7616 §3.4, written a second time.
func digestOf(fresh func() hash.Hash, session bool, method string, p map[string]string) string {
	sum := func(s string) string {
		h := fresh()
		h.Write([]byte(s))
		return hex.EncodeToString(h.Sum(nil))
	}
	a1 := sum("alice:" + p["realm"] + ":secret")
	if session {
		a1 = sum(a1 + ":" + p["nonce"] + ":" + p["cnonce"])
	}
	return sum(a1 + ":" + p["nonce"] + ":" + p["nc"] + ":" + p["cnonce"] + ":" + p["qop"] + ":" + sum(method+":"+p["uri"]))
}

// credentials reads what a request carries and checks the response.
func credentials(t *testing.T, m *message, header string) map[string]string {
	t.Helper()
	p, err := authParams(strings.TrimPrefix(m.get(header), "Digest "))
	require.NoError(t, err)
	fresh := map[string]func() hash.Hash{"": md5.New, "MD5": md5.New, "SHA-256": sha256.New, "SHA-512-256": sha512.New512_256}
	name, session := strings.CutSuffix(p["algorithm"], "-sess")
	require.Contains(t, fresh, name)
	assert.Equal(t, digestOf(fresh[name], session, m.method(), p), p["response"])
	assert.Equal(t, m.uri(), p["uri"])
	return p
}

func TestRegister_EveryAlgorithm_RFC8760(t *testing.T) {
	for _, algorithm := range []string{"MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"} {
		inBubble(t, nil, func(w *world) {
			r, err := w.ua.Register(w.account(), nil)
			require.NoError(t, err)
			w.p.reply(w.p.request("REGISTER"), 401, "Unauthorized", "r", "",
				`WWW-Authenticate: Digest realm="r",qop="auth,auth-int",NONCE="n1",Algorithm=`+algorithm)
			first := w.p.request("REGISTER")
			a := credentials(t, first, "Authorization")
			assert.Equal(t, algorithm, a["algorithm"])
			w.p.reply(first, 200, "OK", "r", "", "Expires: 60")
			require.NoError(t, r.Wait(context.Background()))
			// The nonce is used again, counted, under the same cnonce.
			second := w.p.request("REGISTER")
			b := credentials(t, second, "Authorization")
			assert.Equal(t, []string{"n1", "00000002", a["cnonce"]}, []string{b["nonce"], b["nc"], b["cnonce"]}, algorithm)
			w.p.reply(second, 200, "OK", "r", "", "Expires: 60")
		})
	}
}

// A lone -sess challenge without qop needs a cnonce all the same.
func TestDigest_SessionWithoutQop(t *testing.T) {
	c, err := parseChallenge(`Digest realm="r", nonce="n", algorithm=MD5-sess`)
	require.NoError(t, err)
	p, err := authParams(strings.TrimPrefix(c.credentials("BYE", "sip:x", "alice", "secret", "cc", 1), "Digest "))
	require.NoError(t, err)
	sum := func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }
	assert.Equal(t, sum(sum(sum("alice:r:secret")+":n:cc")+":n:"+sum("BYE:sip:x")), p["response"])
	assert.Equal(t, "cc", p["cnonce"])
	assert.NotContains(t, p, "nc")
}

func TestChallenge_TheStrongestOfEachRealm_RFC8760_2_4(t *testing.T) {
	var got []string
	for _, c := range strongest([]string{
		`Digest realm="a, b", nonce="1", algorithm=MD5, Digest realm="a, b",nonce="2",algorithm=SHA-256-sess, qop="auth"`,
		`Bearer realm="x", Digest realm="c", nonce="3", algorithm=MD4`,
		"Digest\trealm=\"c\",\tnonce=\"4\" , algorithm = \"MD5\"",
		`Digest realm="c", nonce="5", algorithm=SHA-512-256, qop="auth-int"`,
		`Digest realm="a, b", nonce="6", algorithm=SHA-256, qop="auth"`,
		`Digest realm="d, nonce="7"`, `Digest realm="e"`, "", `Basic realm="f"`,
	}) {
		got = append(got, fmt.Sprintf("%s %s %s", c.realm, c.nonce, c.algorithm))
	}
	assert.Equal(t, []string{"a, b 2 SHA-256-sess", "c 4 MD5"}, got)
}

// Several proxies on the way, one after the other, and the registrar behind them.
func TestInvite_SeveralRealms_RFC3261_22_3(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.call()
		w.p.reply(w.p.request("INVITE"), 407, "Proxy Authentication Required", "x", "",
			`Proxy-Authenticate: Digest realm="one", nonce="n1", qop="auth"`, `Proxy-Authenticate: Digest realm="two", nonce="n2", qop="auth"`)
		w.p.request("ACK")
		second := w.p.request("INVITE")
		assert.Len(t, second.all("Proxy-Authorization"), 2)
		w.p.reply(second, 401, "Unauthorized", "x", "", `WWW-Authenticate: Digest realm="one", nonce="n3", qop="auth"`)
		w.p.request("ACK")
		third := w.p.request("INVITE")
		assert.Len(t, third.all("Proxy-Authorization"), 2)
		assert.Equal(t, "n3", credentials(t, third, "Authorization")["nonce"])
		w.p.reply(third, 200, "OK", "t1", "answer")
		next[Sent](t, c)
		require.NoError(t, next[Final](t, c).Err)
	})
}

// However many realms a server invents, the tries are bounded.
func TestRegister_EndlessRealmsAreGivenUp(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		for n := range 1 + maxRealms {
			w.p.reply(w.p.request("REGISTER"), 401, "Unauthorized", "r", "", fmt.Sprintf(`WWW-Authenticate: Digest realm="r%d", nonce="n"`, n))
		}
		require.Error(t, r.Wait(context.Background()))
		w.p.silence(time.Hour)
	})
}

// A remembered nonce may be replaced without the word stale; a fresh one not.
func TestRegister_NonceChangedWithoutStale(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		r := w.register()
		_ = r
		for n := range 3 {
			challenge := fmt.Sprintf(`WWW-Authenticate: Digest realm="r", nonce="n%d", qop="auth"`, n)
			m := w.p.next(2 * time.Hour)
			w.p.reply(m, 401, "Unauthorized", "r", "", challenge)
			again := w.p.request("REGISTER")
			p := credentials(t, again, "Authorization")
			assert.Equal(t, []string{fmt.Sprintf("n%d", n), "00000001"}, []string{p["nonce"], p["nc"]})
			w.p.reply(again, 200, "OK", "r", "", "Expires: 60")
		}
		require.NoError(t, r.Wait(context.Background()))
	})
}

// A nonce that was refused a second or more after it was given may have been too old,
// when another one comes: once more, and no oftener. One that is refused at once says
// that the password is wrong.
func TestRegister_NonceAgedOnTheWay(t *testing.T) {
	for _, c := range []struct {
		late  time.Duration
		tries int
	}{{0, 2}, {900 * time.Millisecond, 2}, {1100 * time.Millisecond, 3}} {
		inBubble(t, nil, func(w *world) {
			r, err := w.ua.Register(w.account(), nil)
			require.NoError(t, err)
			for n := range c.tries {
				m := w.p.request("REGISTER")
				w.p.reply(m, 100, "Trying", "", "") // no repetitions
				<-time.After(c.late)
				for len(w.p.in) > 0 {
					<-w.p.in
				}
				w.p.reply(m, 401, "Unauthorized", "r", "", fmt.Sprintf(`WWW-Authenticate: Digest realm="r", nonce="n%d", qop="auth"`, n))
			}
			require.Error(t, r.Wait(context.Background()))
			w.p.silence(time.Hour)
		})
	}
}

// The same nonce once more goes on counting.
func TestRegister_SameNonceGoesOnCounting_RFC7616_3_4(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		challenge := `WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"`
		r, err := w.ua.Register(w.account(), nil)
		require.NoError(t, err)
		w.p.reply(w.p.request("REGISTER"), 401, "Unauthorized", "r", "", challenge)
		first := w.p.request("REGISTER")
		assert.Equal(t, "00000001", credentials(t, first, "Authorization")["nc"])
		w.p.reply(first, 200, "OK", "r", "", "Expires: 60")
		require.NoError(t, r.Wait(context.Background()))
		second := w.p.request("REGISTER")
		assert.Equal(t, "00000002", credentials(t, second, "Authorization")["nc"])
		w.p.reply(second, 401, "Unauthorized", "r", "", challenge)
		third := w.p.request("REGISTER")
		assert.Equal(t, "00000003", credentials(t, third, "Authorization")["nc"])
		w.p.reply(third, 200, "OK", "r", "", "Expires: 60")
	})
}

func TestDialog_NextNonce_RFC7616_3_5(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		d, _ := w.establish()
		done := make(chan error, 3)
		info := func() { done <- d.Info(context.Background(), "text/plain", []byte("x")) }
		go info()
		w.p.reply(w.p.request("INFO"), 401, "Unauthorized", "", "", `WWW-Authenticate: Digest realm="r", nonce="n1", qop="auth"`)
		m := w.p.request("INFO")
		credentials(t, m, "Authorization")
		w.p.reply(m, 200, "OK", "", "", `Authentication-Info: qop=auth, rspauth="00", nextnonce="n2"`)
		require.NoError(t, <-done)
		go info()
		m = w.p.request("INFO")
		p := credentials(t, m, "Authorization")
		assert.Equal(t, []string{"n2", "00000001"}, []string{p["nonce"], p["nc"]})
		w.p.reply(m, 200, "OK", "", "", "Authentication-Info: nextnonce=")
		require.NoError(t, <-done)
		go info()
		m = w.p.request("INFO")
		p = credentials(t, m, "Authorization")
		assert.Equal(t, []string{"n2", "00000002"}, []string{p["nonce"], p["nc"]})
		w.p.reply(m, 200, "OK", "", "")
		require.NoError(t, <-done)
	})
}

// Every request of a dialog, by both codes; the ACK has what its INVITE had.
func TestDialog_EveryRequestIsChallenged_RFC3261_22(t *testing.T) {
	for code, names := range map[int][2]string{401: {"WWW-Authenticate", "Authorization"}, 407: {"Proxy-Authenticate", "Proxy-Authorization"}} {
		inBubble(t, nil, func(w *world) {
			d, _ := w.establish()
			n := 0
			challenged := func(method string) *message {
				n++
				m := w.p.request(method)
				w.p.reply(m, code, "Who are you", "", "", fmt.Sprintf(`%s: Digest realm="r", nonce="n%d", algorithm=SHA-256, qop="auth"`, names[0], n))
				if method == "INVITE" {
					w.p.request("ACK")
				}
				again := w.p.request(method)
				assert.Equal(t, fmt.Sprintf("n%d", n), credentials(t, again, names[1])["nonce"])
				assert.NotEqual(t, m.get("CSeq"), again.get("CSeq"))
				return again
			}
			done := make(chan error, 1)
			go func() { done <- d.Info(context.Background(), "text/plain", []byte("x")) }()
			w.p.reply(challenged("INFO"), 200, "OK", "", "")
			require.NoError(t, <-done)
			re := reInvite(d, offerText("offer"))
			inv := challenged("INVITE")
			w.p.reply(inv, 200, "OK", "", "answer")
			assert.Equal(t, inv.get(names[1]), w.p.request("ACK").get(names[1]))
			require.NoError(t, (<-re).err)
			go func() { done <- d.Bye(context.Background(), "") }()
			w.p.reply(challenged("BYE"), 200, "OK", "", "")
			require.NoError(t, <-done)
		})
	}
}

func FuzzChallenge(f *testing.F) {
	for _, s := range []string{
		`Digest realm="a", nonce="b", qop="auth,auth-int", algorithm=SHA-256-sess, opaque="\"", stale=TRUE`,
		`Digest realm="a, b", Digest nonce=x`, "Digest ,,=,", `Basic x, Digest realm=", nonce="a"`, "Digest\trealm=\"\x01\",nonce=\"n\"",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range strongest([]string{s}) {
			out := c.credentials("REGISTER", "sip:example.com", "alice", "secret", "c", 1)
			if hasControl(out) || strings.Contains(out, "secret:") {
				t.Fatalf("%q", out)
			}
			p, err := authParams(strings.TrimPrefix(out, "Digest "))
			if err != nil || p["realm"] != c.realm || p["nonce"] != c.nonce || p["opaque"] != c.opaque {
				t.Fatalf("%q of %q: %v", out, s, err)
			}
		}
	})
}
