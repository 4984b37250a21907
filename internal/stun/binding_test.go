package stun

import (
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnswer_BothFamilies_RFC8489_14_2(t *testing.T) {
	for _, at := range []string{"203.0.113.5:40001", "[2001:db8::7]:5060", "127.0.0.1:9"} {
		id, request := Request()
		require.True(t, Is(request))
		require.Len(t, request, 20)
		got, mapped, err := Answer(Reply(request, netip.MustParseAddrPort(at)))
		require.NoError(t, err)
		assert.Equal(t, id, got)
		assert.Equal(t, at, mapped.String())
	}
}

// The responses of RFC 5769 §2.2 and §2.3, with attributes that are not asked for.
func TestAnswer_SampleResponses_RFC5769_2(t *testing.T) {
	_, mapped, err := Answer(sample(t, sampleV4))
	require.NoError(t, err)
	assert.Equal(t, "192.0.2.1:32853", mapped.String())
	_, mapped, err = Answer(sample(t, sampleV6))
	require.NoError(t, err)
	assert.Equal(t, "[2001:db8:1234:5678:11:2233:4455:6677]:32853", mapped.String())
}

// A server of RFC 3489 knows no XOR-MAPPED-ADDRESS.
func TestAnswer_OldServer_RFC8489_11(t *testing.T) {
	m := stun.MustBuild(stun.TransactionID, stun.BindingSuccess, &stun.MappedAddress{IP: []byte{203, 0, 113, 5}, Port: 7})
	_, mapped, err := Answer(m.Raw)
	require.NoError(t, err)
	assert.Equal(t, "203.0.113.5:7", mapped.String())
}

func TestAnswer_WhatIsNone(t *testing.T) {
	id, request := Request()
	refused := stun.MustBuild(stun.NewTransactionIDSetter(id), stun.BindingError, stun.CodeBadRequest)
	got, _, err := Answer(refused.Raw)
	require.ErrorIs(t, err, ErrRefused)
	assert.Equal(t, id, got)
	nowhere := stun.MustBuild(stun.TransactionID, stun.BindingSuccess, &stun.XORMappedAddress{IP: []byte{0, 0, 0, 0}, Port: 7})
	for name, data := range map[string][]byte{
		"nothing": nil, "a request": request, "SIP": []byte("SIP/2.0 200 OK\r\n\r\n"), "cut off": refused.Raw[:21],
		"no address":        stun.MustBuild(stun.TransactionID, stun.BindingSuccess).Raw,
		"address of nobody": nowhere.Raw, "too long": append(refused.Raw, make([]byte, maxMessage)...),
	} {
		_, _, err := Answer(data)
		assert.Error(t, err, name)
		assert.False(t, Is(data) && data[0] > 3, name)
	}
	assert.Nil(t, Reply(refused.Raw, netip.MustParseAddrPort("192.0.2.1:1")))
	assert.Nil(t, Reply([]byte("OPTIONS"), netip.MustParseAddrPort("192.0.2.1:1")))
}

func FuzzAnswer(f *testing.F) {
	_, request := Request()
	f.Add(request)
	f.Add(Reply(request, netip.MustParseAddrPort("203.0.113.5:40001")))
	for _, s := range []string{sampleV4, sampleV6} {
		data, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, mapped, err := Answer(data)
		if err == nil && (!mapped.IsValid() || mapped.Port() == 0) {
			t.Fatalf("%v is no address", mapped)
		}
		if reply := Reply(data, netip.MustParseAddrPort("203.0.113.5:40001")); reply != nil {
			if _, mapped, err = Answer(reply); err != nil || mapped.Port() != 40001 {
				t.Fatalf("reply says %v, %v", mapped, err)
			}
		}
	})
}

const (
	sampleV4 = "0101003c2112a442b7e7a701bc34d686fa87dfae802200" + "0b7465737420766563746f7220" +
		"002000080001a147e112a643" + "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7" + "80280004c07d4c96"
	sampleV6 = "010100482112a442b7e7a701bc34d686fa87dfae802200" + "0b7465737420766563746f7220" +
		"002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9" + "00080014a382954e4be67bf11784c97c8292c275bfe3ed41" + "80280004c8fb0b4c"
)

func sample(t *testing.T, s string) []byte {
	data, err := hex.DecodeString(s)
	require.NoError(t, err)
	return data
}
