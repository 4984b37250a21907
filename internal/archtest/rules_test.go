package archtest

import "strings"

const module = "github.com/softphone-go/softphone"

// layers says which packages of the module a package may import outside its
// tests. A name ending in /... covers the packages below it too. A package that
// is not listed fails the test: say where it belongs first.
var layers = []struct {
	from string
	may  []string
}{
	{"number", nil},
	{"blocklist", []string{"number", "internal/sheet"}},
	{"phonebook", []string{"number", "internal/sheet"}},
	{"store", []string{"number"}},
	{"capture", nil},
	{"capture/capturetest", nil},
	{"config", []string{"number"}},
	{"sip/...", []string{"sip/...", "internal/stun"}},
	{"media/...", []string{"media/...", "internal/stun"}},
	{"internal/stun", nil},
	{"dialer", []string{"sip/...", "media/...", "number"}},
	{"metrics", []string{"dialer", "sip", "media/..."}},
	{"agent", []string{"dialer", "sip", "media/...", "number", "blocklist", "phonebook", "store"}},
	{"control/api", nil},
	{"control/client", []string{"control/api"}},
	{"control/...", []string{"control/...", "agent", "dialer", "sip", "media/...", "number", "blocklist", "phonebook", "store", "config"}},
	{"phone", []string{"metrics", "agent", "control/...", "dialer", "sip", "media/...", "number", "blocklist", "phonebook", "store", "config", "capture"}},
	{"doctor", []string{"phone", "config", "dialer", "sip", "media/..."}},
	{"internal/memnet", nil},
	{"internal/sheet", nil},
	{"internal/archtest", nil},
	{"internal/exchange", []string{"media/audio", "media/g711"}},
	{"internal/demo", []string{"phone", "config", "dialer", "sip", "media/...", "store", "blocklist", "internal/exchange", "testdata/audio"}},
	{"internal/mediaload", []string{"media/..."}},
	{"internal/mediaload/command", []string{"internal/mediaload"}},
	{"testdata/audio", nil},
	{"cmd/...", []string{"..."}},
	{"examples/...", []string{"..."}},
	{"e2e", []string{"media/...", "phone", "config", "dialer", "sip", "number", "agent", "store", "phonebook", "blocklist"}},
}

// owners says which packages may import a library, in their tests too.
var owners = []struct {
	library string
	owners  []string
}{
	{"github.com/emiago/sipgo", []string{"sip/...", "internal/exchange"}},
	{"github.com/gobwas/ws", []string{"sip/..."}},
	{"github.com/miekg/dns", []string{"sip/..."}},
	{"github.com/icholy/digest", []string{"sip/...", "internal/exchange"}},
	{"github.com/pion/rtp", []string{"media/...", "internal/exchange"}},
	{"github.com/pion/rtcp", []string{"media/...", "internal/exchange"}},
	{"github.com/pion/sdp", []string{"media/...", "internal/exchange"}},
	{"github.com/pion/srtp", []string{"media/...", "internal/exchange"}},
	{"github.com/pion/interceptor", []string{"media/..."}},
	{"github.com/pion/stun", []string{"internal/stun"}},
	{"github.com/zaf/g711", []string{"media/...", "internal/exchange"}},
	{"github.com/gopacket/gopacket", []string{"capture/...", "cmd/softphone", "media/replay/pcap"}},
	{"golang.org/x/image", []string{"media/replay/plot"}},
	{"golang.org/x/text", []string{"internal/sheet"}},
	{"github.com/nyaruka/phonenumbers", []string{"number"}},
	{"modernc.org/sqlite", []string{"store"}},
	{"github.com/spf13/cobra", []string{"cmd/..."}},
	{"github.com/BurntSushi/toml", []string{"config"}},
	{"github.com/emersion/go-vcard", []string{"phonebook"}},
	{"github.com/danielgtaylor/huma", []string{"control/..."}},
	{"github.com/prometheus", []string{"metrics"}},
	{"github.com/coder/websocket", []string{"control/...", "examples/...", "cmd/softphone"}},
}

// strangers may not meet even in tests.
var strangers = [][2]string{
	{"sip/...", "media/..."},
	{"sip/...", "blocklist"},
	{"media/...", "sip/..."},
	{"media/...", "blocklist"},
	{"blocklist", "sip/..."},
	{"blocklist", "media/..."},
}

func matches(pattern, name string) bool {
	if pattern == "..." {
		return true
	}
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == tree || strings.HasPrefix(name, tree+"/")
	}
	return name == pattern
}

func matchesAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if matches(p, name) {
			return true
		}
	}
	return false
}

func inLibrary(library, path string) bool {
	return path == library || strings.HasPrefix(path, library+"/")
}
