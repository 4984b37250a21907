package store

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who opens the store has a name that nobody else has, and the same after a restart.
func TestIdentity_LastsAndIsShared_RFC5626_4_1(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	open := func() (*Store, string) {
		s, err := Open(context.Background(), path, Options{})
		require.NoError(t, err)
		id, err := s.Identity(context.Background())
		require.NoError(t, err)
		again, err := s.Identity(context.Background())
		require.NoError(t, err)
		assert.Equal(t, id, again)
		return s, id
	}
	a, first := open()
	b, second := open()
	assert.NotEqual(t, first, second)
	require.NoError(t, a.Close())
	c, third := open()
	assert.Equal(t, first, third)
	require.NoError(t, b.Close())
	require.NoError(t, c.Close())
	m, err := Open(context.Background(), memory, Options{})
	require.NoError(t, err)
	id, err := m.Identity(context.Background())
	require.NoError(t, err)
	assert.Len(t, id, 36)
	require.NoError(t, m.Close())
}
