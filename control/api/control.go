package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// Health answers /healthz and /readyz.
type Health struct {
	Status string `json:"status" enum:"ok"`
}

const (
	// DiscoveryFile, in the data folder, tells where the phone listens.
	DiscoveryFile = "control.json"
	// TokenFile is the token's name in the data folder, unless another is given.
	TokenFile = "control.token"
	// HeaderChallenge asks who listens to prove that it knows the token, before
	// the token is sent to it: an address in a file that a killed phone left
	// behind may be anybody's by now. HeaderProof answers, on every response.
	HeaderChallenge = "Softphone-Challenge"
	// HeaderIdempotencyKey may come with a POST: see the OpenAPI document.
	HeaderIdempotencyKey = "Idempotency-Key"
	// HeaderReplayed is true in an answer that was given before.
	HeaderReplayed = "Idempotency-Replayed"
	HeaderProof    = "Softphone-Proof"
	// MaxChallenge bounds a challenge, in bytes.
	MaxChallenge = 128
)

// Discovery is the content of DiscoveryFile.
type Discovery struct {
	Address   string    `json:"address"` // "http://127.0.0.1:8780" or "unix:/path"
	TokenFile string    `json:"token_file"`
	PID       int       `json:"pid"`
	Started   time.Time `json:"started"`
}

// Proof answers a challenge: HMAC-SHA256 (RFC 2104) under the token over the
// challenge and the address that the server believes it has, so that nobody can
// pass on the proof of another address.
func Proof(token, challenge, address string) string {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("softphone-control\n" + challenge + "\n" + address))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}
