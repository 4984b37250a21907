package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

const (
	controlTag     = 16                 // octets of an AEAD tag
	controlTail    = 4                  // E-bit and index
	encryptedBit   = 1 << 31            // the E-bit: the packet is encrypted
	maxControl     = encryptedBit - 1   // the last index of SRTCP
	controlAAD     = minRTCP + 4        // what is authenticated but not encrypted
	labelControl   = 3                  // of the SRTCP encryption key, RFC 3711 §4.3.2
	labelSalt      = 5                  // of the SRTCP salt
	derivationSize = 14                 // octets that a label is added to
	labelAt        = derivationSize - 7 // where it is added
)

// aeadControl is SRTCP under AEAD_AES_128_GCM or AEAD_AES_256_GCM (RFC 7714 §9). The
// library does this too, with an allocation for each packet.
//
//	header ║ encrypted ║ tag ║ E index
//	└──AAD─┘                 └──AAD──┘
type aeadControl struct {
	cipher cipher.AEAD
	salt   [12]byte
	nonce  [12]byte
	aad    [controlAAD]byte
}

// newAEADControl derives the session keys of SRTCP (RFC 3711 §4.3.1, with the key
// derivation rate of 0); nil for suites that are no AEAD.
func newAEADControl(key *Key) (*aeadControl, error) {
	if key.suite != AEADAES128GCM && key.suite != AEADAES256GCM {
		return nil, nil //nolint:nilnil // there is none, and that is well
	}
	master, salt := key.split()
	prf, err := aes.NewCipher(master)
	if err != nil {
		return nil, fmt.Errorf("srtp: %v: %w", key.suite, err)
	}
	derive := func(label byte, out []byte) {
		var in, block [aes.BlockSize]byte
		copy(in[:], salt)
		in[labelAt] ^= label
		for n := 0; n < len(out); n += len(block) {
			binary.BigEndian.PutUint16(in[derivationSize:], uint16(n/len(block)))
			prf.Encrypt(block[:], in[:])
			copy(out[n:], block[:])
		}
	}
	c := &aeadControl{}
	session := make([]byte, len(master))
	defer clear(session)
	derive(labelControl, session)
	derive(labelSalt, c.salt[:])
	block, err := aes.NewCipher(session)
	if err == nil {
		c.cipher, err = cipher.NewGCM(block)
	}
	if err != nil {
		return nil, fmt.Errorf("srtp: %v: %w", key.suite, err)
	}
	return c, nil
}

// prepare sets the nonce and the associated data of one packet.
func (c *aeadControl) prepare(header []byte, index uint32) {
	c.nonce = [12]byte{}
	copy(c.nonce[2:6], header[4:8]) // SSRC
	binary.BigEndian.PutUint32(c.nonce[8:], index)
	for i := range c.nonce {
		c.nonce[i] ^= c.salt[i]
	}
	copy(c.aad[:], header[:minRTCP])
	binary.BigEndian.PutUint32(c.aad[minRTCP:], index|encryptedBit)
}

// seal protects a packet in place; its capacity has room for tag and index.
func (c *aeadControl) seal(packet []byte, index uint32) []byte {
	c.prepare(packet, index)
	sealed := c.cipher.Seal(packet[minRTCP:minRTCP], c.nonce[:], packet[minRTCP:], c.aad[:])
	return binary.BigEndian.AppendUint32(packet[:minRTCP+len(sealed)], index|encryptedBit)
}

// open writes the packet, decrypted, into dst. sealed has no MKI any more.
func (c *aeadControl) open(dst, sealed []byte, index uint32) ([]byte, error) {
	c.prepare(sealed, index)
	dst = append(dst[:0], sealed[:minRTCP]...)
	dst, err := c.cipher.Open(dst, c.nonce[:], sealed[minRTCP:len(sealed)-controlTail], c.aad[:])
	if err != nil {
		return nil, ErrForged
	}
	return dst, nil
}
