package control

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/softphone-go/softphone/control/api"
)

// What is kept of answers to POSTs with an Idempotency-Key.
const (
	maxKey     = 255 // bytes
	maxReplays = 1000
	maxReplay  = 16 << 20 // bytes of all bodies
	replayTime = 24 * time.Hour
)

// replays answers a POST that comes again with its Idempotency-Key as it was
// answered the first time. It forgets the oldest answers first, and all of them
// when the phone stops. Safe for concurrent use.
type replays struct {
	mu    sync.Mutex
	known map[string]*replay
	order []string // keys, the oldest first
	size  int      // bytes of bodies
}

// replay is an answer; without a status it is still under way.
type replay struct {
	request [sha256.Size]byte
	status  int
	header  http.Header
	body    []byte
	at      time.Time
}

func newReplays() *replays { return &replays{known: map[string]*replay{}} }

// describeKey adds the header to a POST in the OpenAPI document.
func describeKey(op *huma.Operation) {
	most := maxKey
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: api.HeaderIdempotencyKey, In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &most},
		Description: "Any text of your own. The same key with the same request is answered as before and does nothing again; " +
			"with another request it is refused (422), and while the first is under way (409).",
	})
}

// serve passes a request on, unless it was answered before.
func (p *replays) serve(w http.ResponseWriter, r *http.Request, limit int64, next http.Handler) {
	key := r.Header.Get(api.HeaderIdempotencyKey)
	if r.Method != http.MethodPost || len(r.Header.Values(api.HeaderIdempotencyKey)) == 0 {
		next.ServeHTTP(w, r)
		return
	}
	if key == "" || len(key) > maxKey || len(r.Header.Values(api.HeaderIdempotencyKey)) > 1 {
		write(w, problem(http.StatusBadRequest, api.CodeBadRequest, fmt.Sprintf("%s must be one text of 1 to %d bytes", api.HeaderIdempotencyKey, maxKey)))
		return
	}
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%s\n%s\n", r.URL.RequestURI(), r.Header.Get("Content-Type"))
	body := r.Body
	r.Body = io.NopCloser(io.TeeReader(body, sum))      // the server closes it
	rest := func() (out [sha256.Size]byte, err error) { // what nobody read counts too
		_, err = io.Copy(sum, io.LimitReader(body, limit+1))
		copy(out[:], sum.Sum(nil))
		return out, err
	}
	if old := p.claim(key); old != nil {
		old.answer(w, rest)
		return
	}
	seen := &recorder{ResponseWriter: w}
	defer func() { // also after a panic
		p.settle(key, seen.replay(rest))
		seen.send() // only now may it come again
	}()
	next.ServeHTTP(seen, r)
}

// claim returns what the key stands for, nil when it was free and is the
// caller's now.
func (p *replays) claim(key string) *replay {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.order) > 0 && (len(p.order) >= maxReplays || p.size > maxReplay || p.known[p.order[0]].isOld()) {
		p.size -= len(p.known[p.order[0]].body)
		delete(p.known, p.order[0])
		p.order = p.order[1:]
	}
	if old := p.known[key]; old != nil {
		again := *old
		return &again
	}
	p.known[key] = new(replay)
	return nil
}

func (a *replay) isOld() bool { return time.Since(a.at) > replayTime }

// settle keeps the answer of a key, or frees the key when there is none to keep.
func (p *replays) settle(key string, a *replay) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a == nil {
		delete(p.known, key)
		return
	}
	a.at = time.Now()
	p.known[key] = a
	p.order = append(p.order, key)
	p.size += len(a.body)
}

// answer repeats an answer to the same request.
func (a *replay) answer(w http.ResponseWriter, rest func() ([sha256.Size]byte, error)) {
	if a.status == 0 {
		write(w, problem(http.StatusConflict, api.CodeInProgress, "the first request with this "+api.HeaderIdempotencyKey+" is still under way; ask again in a moment"))
		return
	}
	request, err := rest()
	switch {
	case err != nil:
		write(w, problem(http.StatusRequestTimeout, api.CodeTimeout, "the body did not come"))
	case request != a.request:
		write(w, problem(http.StatusUnprocessableEntity, api.CodeKeyReused, "this "+api.HeaderIdempotencyKey+" came with another request before; use a new one"))
	default:
		maps.Copy(w.Header(), a.header)
		w.Header().Set(api.HeaderReplayed, "true")
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body)
	}
}

// recorder holds an answer back until it is sent.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.body.Write(b)
}

func (r *recorder) send() {
	if r.status != 0 {
		r.ResponseWriter.WriteHeader(r.status)
		_, _ = r.ResponseWriter.Write(r.body.Bytes())
	}
}

// replay is the answer, if it is one to keep: the request was carried out, or
// makes no sense and never will.
func (r *recorder) replay(rest func() ([sha256.Size]byte, error)) *replay {
	if r.status == 0 || r.status >= http.StatusMultipleChoices && r.status != http.StatusUnprocessableEntity {
		return nil
	}
	request, err := rest()
	if err != nil {
		return nil
	}
	header := r.Header().Clone()
	header.Del(api.HeaderProof) // of the first request's challenge
	return &replay{request: request, status: r.status, header: header, body: r.body.Bytes()}
}
