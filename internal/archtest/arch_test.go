package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// file is one parsed Go file of the module.
type file struct {
	name string // slash path from the module's root
	pkg  string // its directory
	test bool
	ast  *ast.File
	pos  *token.FileSet
}

func (f file) imports() []string {
	var paths []string
	for _, spec := range f.ast.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

func (f file) at(p token.Pos) string {
	return f.name + ":" + strconv.Itoa(f.pos.Position(p).Line)
}

func parseModule(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	_, err := os.Stat(filepath.Join(root, "go.mod"))
	require.NoError(t, err, "the module's root must be two folders up")
	var files []file
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() && p != root && (strings.HasPrefix(base, ".") || base == "testdata" || base == "bin" || base == "dist") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(base, ".go") {
			return nil
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		files = append(files, file{name: name, pkg: path.Dir(name), test: strings.HasSuffix(base, "_test.go"), ast: tree, pos: set})
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func TestImports_RunOneWay(t *testing.T) {
	for _, f := range parseModule(t) {
		if f.test {
			continue
		}
		may, known := allowed(f.pkg)
		if !known {
			t.Errorf("%s: package %s has no place in the list of layers; add it to rules_test.go", f.name, f.pkg)
			continue
		}
		for _, imp := range f.imports() {
			dep, ours := strings.CutPrefix(imp, module+"/")
			if ours && dep != f.pkg && !matchesAny(may, dep) {
				t.Errorf("%s imports %s, which %s may not", f.name, dep, f.pkg)
			}
		}
	}
}

func allowed(pkg string) (may []string, known bool) {
	for _, l := range layers {
		if matches(l.from, pkg) {
			return l.may, true
		}
	}
	return nil, false
}

func TestImports_LibrariesStayWithTheirOwners(t *testing.T) {
	for _, f := range parseModule(t) {
		for _, imp := range f.imports() {
			for _, o := range owners {
				if inLibrary(o.library, imp) && !matchesAny(o.owners, f.pkg) {
					t.Errorf("%s imports %s, which only %s may", f.name, imp, strings.Join(o.owners, ", "))
				}
			}
		}
	}
}

func TestImports_StrangersStayStrangers(t *testing.T) {
	for _, f := range parseModule(t) {
		for _, imp := range f.imports() {
			dep, ours := strings.CutPrefix(imp, module+"/")
			for _, s := range strangers {
				if ours && matches(s[0], f.pkg) && matches(s[1], dep) {
					t.Errorf("%s imports %s: %s and %s are strangers", f.name, dep, s[0], s[1])
				}
			}
		}
	}
}

// No init functions, no environment outside the command line and its
// configuration, no test that leaves itself out.
func TestCode_DoesNot(t *testing.T) {
	for _, f := range parseModule(t) {
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: init functions are not used here", f.at(fn.Pos()))
			}
		}
		environment := f.test || matchesAny([]string{"cmd/...", "config", "e2e", "examples/..."}, f.pkg)
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			id, ok := sel.X.(*ast.Ident)
			if !ok {
				return true
			}
			switch name := id.Name + "." + sel.Sel.Name; name {
			case "os.Getenv", "os.LookupEnv", "os.Environ":
				if !environment {
					t.Errorf("%s: %s is for cmd and config only", f.at(n.Pos()), name)
				}
			case "t.Skip", "t.Skipf", "t.SkipNow", "b.Skip", "b.Skipf", "b.SkipNow":
				if f.test {
					t.Errorf("%s: %s would hide a missing test", f.at(n.Pos()), name)
				}
			}
			return true
		})
	}
}
