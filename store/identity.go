package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// maxIdentities bounds the processes that share a store and have each a lasting name.
const maxIdentities = 16

// Identity is a UUID that is this process's alone while the store is open, and one that
// an earlier process had where there is one (RFC 5626 §4.1: a phone keeps its instance
// id over restarts). Later calls return the same. Where nothing lasts, it is a new one.
func (s *Store) Identity(ctx context.Context) (string, error) {
	s.identityMu.Lock()
	defer s.identityMu.Unlock()
	if s.identity != "" {
		return s.identity, nil
	}
	if s.path != memory {
		for n := 1; n <= maxIdentities; n++ {
			mark := fmt.Sprintf("%s.identity-%d", s.path, n)
			if isAlive(mark) {
				continue
			}
			lock, err := markAlive(mark)
			if err != nil || lock == nil {
				continue // another process was faster
			}
			id, err := s.lastingIdentity(ctx, fmt.Sprintf("identity.%d", n))
			if err != nil {
				lock.release()
				return "", err
			}
			s.identity, s.identityLock = id, lock
			return id, nil
		}
	}
	s.identity = uuid.NewString()
	return s.identity, nil
}

func (s *Store) lastingIdentity(ctx context.Context, key string) (string, error) {
	if kept, ok, err := s.Setting(ctx, key); err != nil {
		return "", err
	} else if id, perr := uuid.Parse(kept); ok && perr == nil {
		return id.String(), nil
	}
	id := uuid.NewString()
	return id, s.SetSetting(ctx, key, id)
}

// dropIdentity lets the next process have it.
func (s *Store) dropIdentity() {
	s.identityMu.Lock()
	defer s.identityMu.Unlock()
	s.identityLock.release()
	s.identityLock = nil
}
