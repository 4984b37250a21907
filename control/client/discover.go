package client

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/softphone-go/softphone/control/api"
)

// ErrNotRunning says that no phone with a control API runs on a data folder.
var ErrNotRunning = errors.New("no phone with a control API runs on this data folder; start one with `softphone run`")

// StaleError is ErrNotRunning with a file that tells of a phone which is not
// there: it was killed, or its token is not the one of the token file any more.
type StaleError struct {
	File   string
	Reason error
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("%v (%s was left behind: %v)", ErrNotRunning, e.File, e.Reason)
}

// Is reports that the error is ErrNotRunning.
func (e *StaleError) Is(target error) bool { return target == ErrNotRunning }

func (e *StaleError) Unwrap() error { return e.Reason }

// proofTime is how long a phone may take to prove that it is there.
const proofTime = 3 * time.Second

// Discover finds the phone that runs on the data folder. It fails with
// ErrNotRunning when there is none: no file tells of one, or the file was left
// behind by a phone that was killed, which is noticed because who listens there
// now, if anybody, cannot prove to know the token. A phone that is there and
// does not answer in time is another error.
func Discover(ctx context.Context, dataDir string) (*Client, error) {
	path := filepath.Join(dataDir, api.DiscoveryFile)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("whether a phone runs cannot be told: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is open to others (mode %04o); delete it and start the phone again", path, info.Mode().Perm())
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotRunning // it stopped just now
	}
	if err != nil {
		return nil, fmt.Errorf("whether a phone runs cannot be told: %w", err)
	}
	var d api.Discovery
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, &StaleError{path, fmt.Errorf("it is damaged: %w", err)}
	}
	c, err := New(Config{Address: d.Address, TokenFile: d.TokenFile})
	if err != nil {
		return nil, &StaleError{path, err}
	}
	limited, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	err = c.prove(limited)
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case limited.Err() != nil:
		err = fmt.Errorf("the phone of process %d at %s does not answer", d.PID, d.Address)
	default:
		err = &StaleError{path, err}
	}
	c.Close()
	return nil, err
}

// prove asks who listens to prove that it knows the token, without telling it.
func (c *Client) prove(ctx context.Context) error {
	challenge := rand.Text()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/healthz", nil)
	if err != nil {
		return err
	}
	req.Header.Set(api.HeaderChallenge, challenge)
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	_ = resp.Body.Close()
	if !hmac.Equal([]byte(resp.Header.Get(api.HeaderProof)), []byte(api.Proof(c.token, challenge, c.address))) {
		return fmt.Errorf("who listens at %s does not know the token", c.address)
	}
	return nil
}
