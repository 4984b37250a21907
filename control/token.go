package control

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	tokenBytes = 32 // 256 bits
	// tokenLeast and tokenMost bound a token that somebody else put into the file.
	tokenLeast = 32
	tokenMost  = 512
)

// OpenToken reads the bearer token in the file, and makes the file with a new
// token, 256 random bits, when there is none. The file is its owner's alone
// (0600): one that others can read is refused, since what they have read must be
// replaced. Several processes may call it for one file at once; they all get
// the same token.
func OpenToken(path string) (string, error) {
	token, err := readToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	if err := makeToken(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("the token file %s cannot be made: %w", path, err)
	}
	return readToken(path)
}

func readToken(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("the token file cannot be read: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", fmt.Errorf("the token file cannot be read: %w", err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("the token file %s is no regular file; give another one", path)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("the token file %s can be read by others (mode %04o); delete it, and the next start makes a new token", path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(f, tokenMost+2))
	if err != nil {
		return "", fmt.Errorf("the token file cannot be read: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if len(token) < tokenLeast || len(token) > tokenMost || strings.Trim(token, tokenLetters) != "" {
		return "", fmt.Errorf("the token file %s holds no token: one line of %d to %d letters, digits or -._~+/=; delete it, and the next start makes a new one", path, tokenLeast, tokenMost)
	}
	return token, nil
}

// tokenLetters are those of a bearer token (RFC 6750 §2.1, b64token).
const tokenLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

// makeToken writes a new token beside path and links it there, so that whoever
// finds the file finds the whole token. It fails with fs.ErrExist when another
// process was faster.
func makeToken(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	secret := make([]byte, tokenBytes)
	_, _ = rand.Read(secret)                                // never fails
	f, err := os.CreateTemp(filepath.Dir(path), ".token-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(base64.RawURLEncoding.EncodeToString(secret) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Link(f.Name(), path); err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Rename(f.Name(), path) // a file system without links
}

// sameToken compares in constant time, whatever the lengths.
func sameToken(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
