package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// need is a program that some tests cannot do without.
type need struct {
	name  string
	tests string       // regular expression of the tests that need it
	find  func() error // why it is not there
	get   string       // how to get it
}

var needs = []need{
	{"Asterisk", "^Test(Asterisk|BaresipAsterisk|Tshark)_|^TestSoak_CallsInARow$", findAsterisk, "start Docker (Debian: apt-get install docker.io docker-compose mmdebstrap)"},
	{"baresip", "^TestBaresip(Asterisk)?_", findBaresip, "apt-get install baresip-core"},
	{"linphone", "^TestLinphone_", findLinphone, "apt-get install linphone-cli"},
	{"SIPp", "^TestSIPp_", findSIPp, "apt-get install sip-tester, and be root: it plays RTP through a raw socket"},
	{"network namespaces", "^TestRoaming_", findNamespaces, "apt-get install iproute2, and be root"},
	{"tshark", "^TestTshark_", func() error { return findProgram("tshark") }, "apt-get install tshark"},
}

func findProgram(name string) error {
	_, err := exec.LookPath(name)
	return err
}

// Made once by TestMain, for all tests.
var (
	program string // the softphone under test
	root    string // of the module
	asterPB *pbx   // shared by tests that do not restart it
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	mode := os.Getenv("E2E")
	switch mode {
	case "":
		mode = "auto"
	case "auto", "required":
	case "off":
		fmt.Println("e2e: left out: everything (E2E=off)")
		return 0, nil
	default:
		return 0, fmt.Errorf("E2E is %q; use auto, required or off", mode)
	}
	if root, err = filepath.Abs(".."); err != nil {
		return 0, err
	}
	missing, skip := lookForNeeds()
	if len(missing) > 0 && mode == "required" {
		return 0, fmt.Errorf("E2E=required, but missing: %s", strings.Join(missing, "; "))
	}
	if os.Getenv("SOAK") == "" {
		skip = append(skip, "^TestSoak_")
	}
	if os.Getenv("ATTEMPTS") == "" {
		skip = append(skip, "^TestAttempts_")
	}
	if len(skip) > 0 && flag.Lookup("test.skip").Value.String() == "" {
		if err := flag.Set("test.skip", strings.Join(skip, "|")); err != nil {
			return 0, err
		}
	}
	if len(missing) > 0 {
		fmt.Println("e2e: left out:", strings.Join(missing, "; "))
	}
	tmp, err := os.MkdirTemp("", "softphone-e2e-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	if err = makeCertificates(tmp); err != nil {
		return 0, err
	}
	if program, err = buildProgram(tmp); err != nil {
		return 0, err
	}
	if findAsterisk() == nil {
		if asterPB, err = startPBX(); err != nil {
			return 0, err
		}
		defer asterPB.remove()
		fmt.Println("e2e:", asterPB.version(), "at", asterPB.addr())
	}
	return m.Run(), nil
}

func lookForNeeds() (missing, skip []string) {
	for _, n := range needs {
		if err := n.find(); err != nil {
			missing = append(missing, fmt.Sprintf("%s tests (%v; %s)", n.name, err, n.get))
			skip = append(skip, n.tests)
		}
	}
	return missing, skip
}

// buildProgram builds cmd/softphone as `make build` does, or with the race
// detector when RACE=1.
func buildProgram(dir string) (string, error) {
	path := filepath.Join(dir, "softphone")
	args := []string{"build", "-o", path}
	env := append(os.Environ(), "CGO_ENABLED=0")
	if os.Getenv("RACE") == "1" {
		args = append(args, "-race")
		env = append(os.Environ(), "CGO_ENABLED=1")
	}
	build := exec.Command("go", append(args, "./cmd/softphone")...)
	build.Dir, build.Env = root, env
	begun := time.Now()
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building cmd/softphone: %w\n%s", err, out)
	}
	fmt.Printf("e2e: built cmd/softphone in %.1f s\n", time.Since(begun).Seconds())
	return path, nil
}
