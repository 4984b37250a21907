package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/agent"
)

// FuzzReadLine compares with what splitting the whole input gives.
func FuzzReadLine(f *testing.F) {
	for _, s := range []string{"", "\n", "a\nb", "a\r\nb\r\n", "\x00\n\n", strings.Repeat("x", 100) + "\ny"} {
		f.Add([]byte(s), uint16(16))
	}
	f.Fuzz(func(t *testing.T, input []byte, size uint16) {
		r := bufio.NewReaderSize(bytes.NewReader(input), int(size))
		rest := input
		for {
			want, after, more := bytes.Cut(rest, []byte("\n"))
			line, err := readLine(r)
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
				require.False(t, more)
				require.Equal(t, string(bytes.TrimSpace(rest)), string(bytes.TrimSpace(line)), "what has no end of line")
				return
			}
			require.Equal(t, string(bytes.TrimSpace(want)), string(bytes.TrimSpace(line)))
			rest = after
		}
	})
}

func TestReadLine_KeepsNoMoreThanADirectiveMayHave(t *testing.T) {
	t.Parallel()
	r := bufio.NewReader(io.MultiReader(
		io.LimitReader(forever{}, 5<<20), strings.NewReader("\nnext\n")))
	line, err := readLine(r)
	require.NoError(t, err)
	assert.Len(t, line, agent.MaxDirective+1, "one octet too many, so that it is refused")
	line, err = readLine(r)
	require.NoError(t, err)
	assert.Equal(t, "next", string(line))
	_, err = readLine(r)
	assert.ErrorIs(t, err, io.EOF)
}

type forever struct{}

func (forever) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// deaf is a Telephone that makes no calls.
type deaf struct{}

func (deaf) Dial(agent.Callee, bool) (string, error)                 { return "", errors.New("there is no line") }
func (deaf) Answer(string, bool) error                               { return nil }
func (deaf) Hangup(string) error                                     { return nil }
func (deaf) Busy(string) error                                       { return nil }
func (deaf) BlockCaller(string) (func(context.Context) error, error) { return nil, nil }

// FuzzReadDirectives: whatever stands on standard input, the reading comes to
// its end, and each complaint is one line that names a line of the input.
func FuzzReadDirectives(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("\n\n{}\nnull\n[]\n"))
	f.Add([]byte(directiveLine("EndCall", `{}`) + makeCallLine("600")))
	f.Add([]byte(directiveLine("AcceptCall", accept) + `{"directives":[{"header":{}},"x"]}`))
	f.Add([]byte(directiveLine("MakeCall", `{"callType":"VIDEO","recipient":{"name":"a\nb"}}`)))
	f.Add([]byte("{\"header\":{\"name\":\"a\x00\\u2028\"}}\r\n"))
	complaint := regexp.MustCompile(`^line (\d+): `)
	f.Fuzz(func(t *testing.T, input []byte) {
		a, err := agent.New(agent.Config{Telephone: deaf{}, Emit: func(agent.Event) {}})
		require.NoError(t, err)
		var said strings.Builder
		readDirectives(context.Background(), bytes.NewReader(input), &said, a)
		require.NoError(t, a.Close())
		lines := bytes.Count(input, []byte("\n")) + 1
		complaints := strings.Split(strings.TrimSuffix(said.String(), "\n"), "\n")
		if said.Len() == 0 {
			return
		}
		require.LessOrEqual(t, len(complaints), lines)
		for _, c := range complaints {
			require.Regexp(t, complaint, c)
		}
	})
}

func TestReadDirectives_StopsWithThePhone(t *testing.T) {
	t.Parallel()
	a, err := agent.New(agent.Config{Telephone: deaf{}, Emit: func(agent.Event) {}})
	require.NoError(t, err)
	require.NoError(t, a.Close())
	var said strings.Builder
	readDirectives(context.Background(), strings.NewReader(makeCallLine("600")), &said, a)
	assert.Empty(t, said.String(), "a phone that stops refuses nothing")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	readDirectives(ctx, endless{}, &said, a) // an endless input
	assert.Empty(t, said.String())
}

// endless is an input of lines without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, "{}\n"), nil }
