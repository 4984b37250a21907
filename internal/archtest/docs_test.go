package archtest

import (
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	// quotedTest is a test's name as documents have it; a * at its end stands
	// for any ending.
	quotedTest = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9_]*)(\\*?)`")
	tableRule  = regexp.MustCompile(`^[|:\- ]+$`)
)

// testNames are the names of all tests of the module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, f := range parseModule(t) {
		if !f.test {
			continue
		}
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}

func known(names map[string]bool, name string, anyEnding bool) bool {
	if !anyEnding {
		return names[name]
	}
	for n := range names {
		if strings.HasPrefix(n, name) {
			return true
		}
	}
	return false
}

// A document that names a test which is not there promises too much.
func TestDocs_NameTestsThatExist(t *testing.T) {
	names := testNames(t)
	root := filepath.Join("..", "..")
	documents, err := filepath.Glob(filepath.Join(root, "*.md"))
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir(filepath.Join(root, "docs"), func(p string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(p, ".md") {
			documents = append(documents, p)
		}
		return err
	}))
	found := 0
	for _, p := range documents {
		text, err := os.ReadFile(p)
		require.NoError(t, err)
		for i, l := range strings.Split(string(text), "\n") {
			for _, m := range quotedTest.FindAllStringSubmatch(l, -1) {
				found++
				if !known(names, m[1], m[2] == "*") {
					t.Errorf("%s:%d names %s, and there is no such test", p, i+1, m[1])
				}
			}
		}
	}
	require.Greater(t, found, 100, "tests named in documents")
}

// Each row of docs/sip.md has all of its cells: what is done names its tests,
// and what is not names none.
func TestDocs_RowsOfSIPAreWhole(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "sip.md"))
	require.NoError(t, err)
	rows := 0
	for i, l := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(l, "|") || tableRule.MatchString(l) || strings.HasPrefix(l, "| **") || strings.HasPrefix(l, "| Feature") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(l, "| "), "|")
		for j := range cells {
			cells[j] = strings.TrimSpace(cells[j])
		}
		if len(cells) != 7 {
			t.Errorf("docs/sip.md:%d has %d cells of 7: feature, RFC, ours, test, pjsua, baresip, diago: %s", i+1, len(cells), l)
			continue
		}
		named := quotedTest.MatchString(cells[3])
		switch {
		case cells[0] == "" || cells[2] == "":
			t.Errorf("docs/sip.md:%d says nothing of ours: %s", i+1, l)
		case cells[2] == "no" && named:
			t.Errorf("docs/sip.md:%d has a test and says no: %s", i+1, l)
		case cells[2] != "no" && !named:
			t.Errorf("docs/sip.md:%d says %q without a test: %s", i+1, cells[2], l)
		}
		for _, cell := range cells[4:] {
			if cell == "" {
				t.Errorf("docs/sip.md:%d leaves a peer's cell empty; write a dash where its documentation says nothing: %s", i+1, l)
			}
		}
	}
	require.Greater(t, rows, 50)
}
