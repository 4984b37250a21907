package config

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(t *testing.T, mode os.FileMode, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "softphone.toml")
	require.NoError(t, os.WriteFile(path, []byte(text), mode))
	return path
}

func noEnv(string) string { return "" }

func TestLoad_FillsDefaults(t *testing.T) {
	f, err := Load(write(t, 0o644, `
[[account]]
server = "pbx.example.com:5060"
user = "alice"
password_env = "ALICE"
`), func(name string) string { return map[string]string{"ALICE": "s3cret"}[name] })
	require.NoError(t, err)
	require.Len(t, f.Accounts, 1)
	assert.Equal(t, "s3cret", f.Accounts[0].Password)
	assert.Equal(t, "alice@pbx.example.com:5060", f.Accounts[0].Name())
	assert.Equal(t, 20*time.Millisecond, time.Duration(f.Media.PTime))
	assert.Equal(t, "KR", f.Phone.Region)
}

func TestLoad_PasswordFile(t *testing.T) {
	path := write(t, 0o644, "[[account]]\nserver=\"h\"\nuser=\"u\"\npassword_file=\"pw\"\n")
	pw := filepath.Join(filepath.Dir(path), "pw")
	require.NoError(t, os.WriteFile(pw, []byte("hush\nsecond line\n"), 0o600))
	f, err := Load(path, noEnv)
	require.NoError(t, err)
	assert.Equal(t, "hush", f.Accounts[0].Password)

	require.NoError(t, os.Chmod(pw, 0o644))
	_, err = Load(path, noEnv)
	assert.ErrorContains(t, err, "chmod 600")
}

func TestLoad_Refuses(t *testing.T) {
	for _, c := range []struct{ name, text, says string }{
		{"unknown key", "[sip]\nlissten=[]\n", "unknown key sip.lissten"},
		{"syntax", "[sip\n", "softphone.toml:2:"},
		{"session_min", "[sip]\nsession_min=\"30s\"\n", "sip.session_min"},
		{"session_expires", "[sip]\nsession_expires=\"1m\"\n", "sip.session_expires"},
		{"session_expires below session_min", "[sip]\nsession_expires=\"2m\"\nsession_min=\"3m\"\n", "sip.session_expires"},
		{"prack", "[sip]\nprack=\"maybe\"\n", "sip.prack"},
		{"listen", "[sip]\nlisten=[\"udp:here\"]\n", "sip.listen[0]"},
		{"allow", "[sip]\nallow=[\"example.com\"]\n", "192.0.2.0/24"},
		{"max_rate", "[sip]\nmax_rate=-1\n", "sip.max_rate"},
		{"ports", "[media]\nrtp_ports=\"9-5\"\n", "media.rtp_ports"},
		{"ptime", "[media]\nptime=\"15ms\"\n", "media.ptime"},
		{"duration", "[media]\nptime=\"fast\"\n", "not a duration"},
		{"codec", "[media]\ncodecs=[\"opus\"]\n", "media.codecs[0]"},
		{"timeout", "[media]\ntimeout=\"-1s\"\n", "media.timeout"},
		{"dscp", "[media]\ndscp=64\n", "media.dscp"},
		{"rtcp_xr", "[media]\nrtcp_xr=\"maybe\"\n", "media.rtcp_xr"},
		{"reject", "[block]\nreject=\"404\"\n", "block.reject"},
		{"no server", "[[account]]\nuser=\"u\"\n", "account[1].server"},
		{"bad server", "[[account]]\nserver=\"h:x\"\nuser=\"u\"\n", "1 to 65535"},
		{"no user", "[[account]]\nserver=\"h\"\n", "account[1].user"},
		{"twice", "[[account]]\nserver=\"h\"\nuser=\"u\"\n[[account]]\nserver=\"h\"\nuser=\"u\"\n", "account[2].id"},
		{"mode", "[[account]]\nserver=\"h\"\nuser=\"u\"\nmode=\"fax\"\n", "account[1].mode"},
		{"open file with password", "[[account]]\nserver=\"h\"\nuser=\"u\"\npassword=\"p\"\n", "chmod 600"},
		{"two passwords", "[[account]]\nserver=\"h\"\nuser=\"u\"\npassword=\"p\"\npassword_env=\"P\"\n", "only one of"},
		{"empty variable", "[[account]]\nserver=\"h\"\nuser=\"u\"\npassword_env=\"P\"\n", "variable P"},
	} {
		_, err := Load(write(t, 0o644, c.text), noEnv)
		assert.ErrorContains(t, err, c.says, c.name)
	}
	_, err := Load(filepath.Join(t.TempDir(), "none.toml"), noEnv)
	assert.ErrorContains(t, err, "no such file")
}

func TestCheckServer(t *testing.T) {
	for _, ok := range []string{"pbx", "pbx:5060", "192.0.2.1", "192.0.2.1:5060", "[2001:db8::1]:5060", "2001:db8::1"} {
		assert.NoError(t, CheckServer(ok), ok)
	}
	for _, bad := range []string{"", ":5060", "a b", "pbx:0", "pbx:70000", "[2001:db8::1", "sip:u@h"} {
		assert.Error(t, CheckServer(bad), bad)
	}
}

func TestParseNetworks(t *testing.T) {
	got, err := ParseNetworks([]string{"192.0.2.7/24", " 192.0.2.1", "::ffff:192.0.2.2", "2001:db8::1", "Any"})
	require.NoError(t, err)
	assert.Equal(t, "[192.0.2.0/24 192.0.2.1/32 192.0.2.2/32 2001:db8::1/128 0.0.0.0/0 ::/0]", fmt.Sprint(got))
	none, err := ParseNetworks(nil)
	require.NoError(t, err)
	assert.NotNil(t, none, "nobody, and not everybody")
	assert.Equal(t, []string{"127.0.0.0/8", "::1"}, Default().SIP.Allow)
	f, err := Load(write(t, 0o600, "[sip]\nallow=[]\n"), noEnv)
	require.NoError(t, err)
	assert.Empty(t, f.SIP.Allow)
}

func FuzzLoad(f *testing.F) {
	f.Add("[sip]\nlisten=[\"udp:0.0.0.0:5060\"]\n")
	f.Add("[[account]]\nserver=\"[::1]:5060\"\nuser=\"u\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "c.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if cfg, err := Load(path, noEnv); err == nil {
			require.NoError(t, cfg.Check())
		}
	})
}
