package control_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/openapi.json")

const docURL = "https://phone.invalid/openapi.json"

// description is the OpenAPI document, and what checks answers against it.
type description struct {
	tree     map[string]any
	compiler *jsonschema.Compiler
}

func describe(t *testing.T, text []byte) *description {
	t.Helper()
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	d := &description{tree: whole.(map[string]any), compiler: jsonschema.NewCompiler()}
	d.compiler.DefaultDraft(jsonschema.Draft2020) // the dialect of OpenAPI 3.1 (§4.8.24)
	d.compiler.AssertFormat()
	require.NoError(t, d.compiler.AddResource(docURL, whole))
	return d
}

// schema compiles the schema at a place in the document, and so checks it
// against the meta-schema.
func (d *description) schema(t *testing.T, at ...string) *jsonschema.Schema {
	t.Helper()
	pointer := docURL + "#"
	for _, step := range at {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(step)
	}
	s, err := d.compiler.Compile(pointer)
	require.NoError(t, err)
	return s
}

func at[T any](t *testing.T, tree any, steps ...string) T {
	t.Helper()
	for _, step := range steps {
		require.IsType(t, map[string]any{}, tree)
		tree = tree.(map[string]any)[step]
	}
	require.IsType(t, *new(T), tree, "%v", steps)
	return tree.(T)
}

// operation finds the operation of a request.
func (d *description) operation(method, path string) (template string, op map[string]any) {
	paths, _ := d.tree["paths"].(map[string]any)
	best := -1
	for p, ops := range paths {
		pattern := "^" + regexp.MustCompile(`\\\{[^}]+\\\}`).ReplaceAllString(regexp.QuoteMeta(p), "[^/]+") + "$"
		found, ok := ops.(map[string]any)[strings.ToLower(method)].(map[string]any)
		literal := strings.IndexByte(p+"{", '{')
		if ok && literal > best && regexp.MustCompile(pattern).MatchString(path) {
			template, op, best = p, found, literal
		}
	}
	return template, op
}

// answered holds every answer of the tests against the document: that the status
// is described, and the body as described.
func (f *fixture) answered(resp *http.Response, text string) {
	f.t.Helper()
	if f.doc == nil {
		return
	}
	template, op := f.doc.operation(resp.Request.Method, resp.Request.URL.Path)
	if op == nil {
		return // of no route
	}
	status := strconv.Itoa(resp.StatusCode)
	described := op["responses"].(map[string]any)
	if _, ok := described[status]; !ok {
		require.GreaterOrEqual(f.t, resp.StatusCode, 400, "%s %s answers %s, which is not described", resp.Request.Method, template, status)
		status = "default"
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	content, _ := described[status].(map[string]any)["content"].(map[string]any)
	if content == nil {
		require.Empty(f.t, text)
		return
	}
	require.Contains(f.t, content, kind, "%s %s %s", resp.Request.Method, template, status)
	if !strings.HasSuffix(kind, "json") {
		return
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(f.t, err)
	s := f.doc.schema(f.t, "paths", template, strings.ToLower(resp.Request.Method), "responses", status, "content", kind, "schema")
	require.NoError(f.t, s.Validate(value), "%s %s %s", resp.Request.Method, template, text)
}

func TestOpenAPI_Golden(t *testing.T) {
	f := newFixture(t)
	resp, text := f.ask("GET", "/openapi.json", "")
	assert.Equal(t, "application/openapi+json", resp.Header.Get("Content-Type"))
	var b bytes.Buffer
	require.NoError(t, json.Indent(&b, []byte(text), "", "  "))
	b.WriteByte('\n')
	golden := filepath.Join("testdata", "openapi.json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, b.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String(), "the API has changed; look at the difference and run the test with -update")
}

// The document is one of OpenAPI 3.1: what its schema demands of the parts that
// are used here, and that what is named is there.
func TestOpenAPI_IsSound(t *testing.T) {
	f := newFixture(t)
	doc := f.doc.tree
	assert.Regexp(t, `^3\.1\.\d+$`, doc["openapi"])
	assert.NotEmpty(t, at[string](t, doc, "info", "title"))
	assert.Equal(t, "1.2.3", at[string](t, doc, "info", "version"))
	assert.Equal(t, "bearer", at[string](t, doc, "components", "securitySchemes", "token", "scheme"))
	assert.NotEmpty(t, at[[]any](t, doc, "security"), "all operations need the token")
	var tags []string
	for _, tag := range at[[]any](t, doc, "tags") {
		tags = append(tags, at[string](t, tag, "name"))
	}
	for name := range at[map[string]any](t, doc, "components", "schemas") {
		assert.Regexp(t, `^[a-zA-Z0-9._-]+$`, name)
		f.doc.schema(t, "components", "schemas", name)
		assert.NotContains(t, name, "ErrorModel")
	}
	ids := map[string]bool{}
	for path, item := range at[map[string]any](t, doc, "paths") {
		assert.True(t, strings.HasPrefix(path, "/"))
		for method, op := range item.(map[string]any) {
			require.Contains(t, []string{"get", "put", "post", "delete"}, method)
			id := at[string](t, op, "operationId")
			assert.False(t, ids[id], "%s is there twice", id)
			ids[id] = true
			assert.NotEmpty(t, at[string](t, op, "summary"), id)
			for _, tag := range at[[]any](t, op, "tags") {
				assert.Contains(t, tags, tag)
			}
			f.soundParameters(t, path, method, op.(map[string]any))
			f.soundBodies(t, path, method, op.(map[string]any))
		}
	}
	assert.Len(t, ids, len(every)-2, "every route is described, and in the list of the tests")
	for _, r := range every {
		path, _, _ := strings.Cut(r[1], "?")
		_, op := f.doc.operation(r[0], path)
		assert.Equal(t, path != "/nothing" && r[0]+path != "PUT/v1/context", op != nil, r)
	}
	refs := regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`)
	text, err := json.Marshal(doc)
	require.NoError(t, err)
	schemas := at[map[string]any](t, doc, "components", "schemas")
	for _, ref := range refs.FindAllSubmatch(text, -1) {
		assert.Contains(t, schemas, string(ref[1]))
	}
	assert.Equal(t, bytes.Count(text, []byte(`"$ref"`)), len(refs.FindAll(text, -1)), "no other references")
}

func (f *fixture) soundParameters(t *testing.T, path, method string, op map[string]any) {
	t.Helper()
	var inPath []string
	seen := map[string]bool{}
	params, _ := op["parameters"].([]any)
	for i, p := range params {
		name, place := at[string](t, p, "name"), at[string](t, p, "in")
		require.Contains(t, []string{"path", "query", "header"}, place)
		assert.False(t, seen[place+name], "%s %s is there twice", path, name)
		seen[place+name] = true
		if place == "path" {
			inPath = append(inPath, name)
			assert.True(t, at[bool](t, p, "required"), "%s %s", path, name)
		}
		assert.False(t, place == "header" && slices.Contains([]string{"accept", "content-type", "authorization"}, strings.ToLower(name)), "ignored by OpenAPI: %s", name)
		f.doc.schema(t, "paths", path, method, "parameters", strconv.Itoa(i), "schema")
	}
	var wanted []string
	for _, m := range regexp.MustCompile(`\{([^}]+)\}`).FindAllStringSubmatch(path, -1) {
		wanted = append(wanted, m[1])
	}
	assert.Equal(t, wanted, inPath, path)
}

func (f *fixture) soundBodies(t *testing.T, path, method string, op map[string]any) {
	t.Helper()
	base := []string{"paths", path, method}
	contents := func(v any, steps ...string) {
		kinds, _ := v.(map[string]any)["content"].(map[string]any)
		for kind := range kinds {
			assert.Regexp(t, `^[a-z]+/[a-z+-]+$`, kind)
			f.doc.schema(t, slices.Concat(base, steps, []string{"content", kind, "schema"})...)
		}
	}
	if body, ok := op["requestBody"]; ok {
		assert.Contains(t, []string{"post", "put"}, method)
		assert.NotEmpty(t, at[map[string]any](t, body, "content"))
		contents(body, "requestBody")
	}
	responses := at[map[string]any](t, op, "responses")
	assert.Contains(t, responses, "default")
	for status, r := range responses {
		assert.Regexp(t, `^([1-5]\d\d|default)$`, status)
		assert.NotEmpty(t, at[string](t, r, "description"), "%s %s", path, status)
		contents(r, "responses", status)
		if status == "default" || status >= "400" {
			assert.Contains(t, at[map[string]any](t, r, "content"), "application/problem+json")
		}
		headers, _ := r.(map[string]any)["headers"].(map[string]any)
		for name := range headers {
			f.doc.schema(t, slices.Concat(base, []string{"responses", status, "headers", name, "schema"})...)
		}
	}
}

// What is not there to be served is not described either.
func TestOpenAPI_OfAPart(t *testing.T) {
	dir := t.TempDir()
	f := newFixture(t)
	f.stop()
	f.cfg.DataDir = dir
	f.cfg.Rules, f.cfg.Contacts, f.cfg.Directives, f.cfg.Journal, f.cfg.History = nil, nil, nil, nil, nil
	f.cfg.Metrics = nil
	f.start()
	_, text := f.ask("GET", "/openapi.json", "")
	var paths []string
	for path := range at[map[string]any](t, describe(t, []byte(text)).tree, "paths") {
		paths = append(paths, path)
	}
	assert.ElementsMatch(t, []string{"/healthz", "/readyz", "/openapi.json"}, paths)
	f.refused(404, "not_found", "GET", "/v1/events", "")
}
