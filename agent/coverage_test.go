package agent

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// row is one row of a table of the specification: the parameter, whether it is
// mandatory there, what handles it (Go names of this package, or of another one
// by its folder), and which tests show it.
type row struct{ field, mandatory, where, tests string }

// section is one table of the specification.
type section struct {
	title  string
	schema string // where its members stand; empty: a list that no schema has
	rows   []row
}

// spread are the members of an object that the tables of the specification
// write out, with dots.
func spread(t *testing.T, common, n schemaNode, prefix string, out map[string]schemaNode, required map[string]bool) {
	t.Helper()
	if strings.HasSuffix(n.Ref, "/person") {
		return // has a table of its own
	}
	if name, ok := strings.CutPrefix(n.Ref, "common.json#/$defs/"); ok {
		n.Properties, n.Required = common.Defs[name].Properties, append(n.Required, common.Defs[name].Required...)
	}
	for name, member := range n.Properties {
		out[prefix+name] = member
		required[prefix+name] = slices.Contains(n.Required, name)
		spread(t, common, member, prefix+name+".", out, required)
	}
}

// kindOf names a member's type as the specification does.
func kindOf(n schemaNode) string {
	switch {
	case strings.HasSuffix(n.Ref, "/person"):
		return "Person"
	case n.Items != nil && strings.HasSuffix(n.Items.Ref, "/person"):
		return "array of Person"
	case n.Items != nil:
		return "array of Contact"
	case n.Ref != "" || n.Type == "object":
		return "object"
	case n.Type == "boolean":
		return "bool"
	case n.Type == "" && len(n.AnyOf) == 0 && len(n.Enum) == 0 && n.Const == nil:
		return "any"
	}
	return "string"
}

// valuesOf are the values that the specification lists for a member.
func valuesOf(n schemaNode) []string {
	values := n.Enum
	for _, a := range n.AnyOf {
		values = append(values, a.Enum...)
	}
	return values
}

// index holds the Go names that folders declare, read once.
type index map[string]map[string]bool

// names are the names that a folder declares: in tests, or all else.
func (x index) names(t *testing.T, folder string, tests bool) map[string]bool {
	t.Helper()
	key := fmt.Sprint(folder, tests)
	if x[key] != nil {
		return x[key]
	}
	out := map[string]bool{}
	x[key] = out
	files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") != tests {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			continue // somebody is writing it
		}
		for _, d := range parsed.Decls {
			declared(d, out)
		}
	}
	return out
}

func declared(d ast.Decl, out map[string]bool) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			typ := d.Recv.List[0].Type
			if star, ok := typ.(*ast.StarExpr); ok {
				typ = star.X
			}
			if id, ok := typ.(*ast.Ident); ok {
				name = id.Name + "." + name
			}
		}
		out[name] = true
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				out[s.Name.Name] = true
				if st, ok := s.Type.(*ast.StructType); ok {
					for _, f := range st.Fields.List {
						for _, n := range f.Names {
							out[s.Name.Name+"."+n.Name] = true
						}
					}
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					out[n.Name] = true
				}
			}
		}
	}
}

// known checks that names exist; those of another folder begin with it and a
// slash.
func (x index) known(t *testing.T, what, list string, tests bool) {
	t.Helper()
	require.NotEmpty(t, list, what)
	for _, name := range strings.Fields(list) {
		folder, rest, other := strings.Cut(name, "/")
		if !other {
			folder, rest = "agent", name
		}
		assert.True(t, x.names(t, folder, tests)[rest], "%s: there is no %s in %s", what, rest, folder)
	}
}

// check holds a section against its schema and the code.
func (s section) check(t *testing.T, x index, common schemaNode) (members map[string]schemaNode) {
	t.Helper()
	members, required := map[string]schemaNode{}, map[string]bool{}
	if s.schema != "" {
		file, at, _ := strings.Cut(s.schema, "#")
		spread(t, common, readSchema(t, file).at(t, at), "", members, required)
	}
	left := map[string]bool{}
	for name := range members {
		left[name] = true
	}
	for _, r := range s.rows {
		what := s.title + ", " + r.field
		if s.schema != "" {
			assert.True(t, left[r.field], "%s is in no schema, or in the table twice", what)
			assert.False(t, r.mandatory == "Y" && !required[r.field], "%s is mandatory", what)
		}
		delete(left, r.field)
		x.known(t, what, r.where, false)
		x.known(t, what, r.tests, true)
	}
	assert.Empty(t, left, "%s: these fields are missing", s.title)
	return members
}

// coverageText is docs/phonecall-coverage.md.
func coverageText(t *testing.T) string {
	t.Helper()
	common := readSchema(t, "common")
	x := index{}
	var b strings.Builder
	b.WriteString("# PhoneCall 1.3, field by field\n\n")
	b.WriteString("Every field of every table of the specification, what handles it, and the tests that show it. Written by\n")
	b.WriteString("`go test ./agent -run TestCoverage -update` from a table in `agent/coverage_tables_test.go`, which fails when a field of the\n")
	b.WriteString("schemas (`agent/schema`) is missing, or when a name or a test does not exist. M says what the specification says:\n")
	b.WriteString("mandatory (Y) or not (N); \"-\" stands for fields that its samples show and its tables do not. Names without a folder\n")
	b.WriteString("are those of `agent`. `template.label` in the table of the context means `template.recipientIntended.label`.\n")
	for _, s := range coverageTables() {
		members := s.check(t, x, common)
		fmt.Fprintf(&b, "\n## %s\n\n", s.title)
		if s.schema == "" {
			b.WriteString("| | Handled by | Shown by |\n| --- | --- | --- |\n")
		} else {
			b.WriteString("| Parameter | Type | M | Values | Handled by | Shown by |\n| --- | --- | --- | --- | --- | --- |\n")
		}
		for _, r := range s.rows {
			where, tests := "`"+strings.Join(strings.Fields(r.where), "`, `")+"`", strings.Join(strings.Fields(r.tests), ", ")
			if s.schema == "" {
				fmt.Fprintf(&b, "| %s | %s | %s |\n", r.field, where, tests)
				continue
			}
			m := members[r.field]
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.field, kindOf(m), r.mandatory, strings.Join(valuesOf(m), ", "), where, tests)
		}
	}
	return b.String()
}

// TestCoverage writes the table of what is covered, and fails when a field has
// no place, or a place or a test does not exist.
func TestCoverage(t *testing.T) {
	golden(t, filepath.Join("..", "docs", "phonecall-coverage.md"), coverageText(t), "TestCoverage")
}

// TestCoverage_Values: each value that the specification lists has a row.
func TestCoverage_Values(t *testing.T) {
	listed := map[string]bool{}
	for _, s := range coverageTables() {
		if strings.HasPrefix(s.title, "Values of ") {
			for _, r := range s.rows {
				listed[strings.TrimPrefix(s.title, "Values of ")+" "+r.field] = true
			}
		}
	}
	common := readSchema(t, "common")
	members, required := map[string]schemaNode{}, map[string]bool{}
	for name, where := range map[string]string{
		"context.": "common#$defs/phoneCall", "Person.": "common#$defs/person", "Contact.": "common#$defs/contact",
		"BlockNumber.": "BlockNumber#properties/payload", "MakeCallFailed.": "MakeCallFailed#properties/event/properties/payload",
	} {
		file, at, _ := strings.Cut(where, "#")
		spread(t, common, readSchema(t, file).at(t, at), name, members, required)
	}
	for name, list := range map[string]string{
		"context.state": "state", "context.template.intent": "intent", "context.template.callType": "callType", "context.template.searchScene": "searchScene",
		"Person.type": "Person.type", "Person.history.type": "history.type", "Person.history.callType": "history.callType", "Contact.label": "Contact.label",
		"BlockNumber.blockType": "blockType", "MakeCallFailed.errorCode": "errorCode",
	} {
		values := valuesOf(members[name])
		require.NotEmpty(t, values, name)
		for _, v := range values {
			assert.True(t, listed[list+" "+v], "%s has no row for %s", list, v)
			delete(listed, list+" "+v)
		}
	}
	assert.Empty(t, listed, "no schema has these values")
	_, err := os.Stat(filepath.Join("..", "docs", "phonecall-coverage.md"))
	require.NoError(t, err)
}
