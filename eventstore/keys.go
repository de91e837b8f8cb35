package eventstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"clients/domain/command"

	"github.com/nats-io/nats.go/jetstream"
)

// Reserve stores r under an account's idempotency key unless there is a reservation already, and answers the one that
// stands; mine tells whether that is r. A reservation ends 24 hours after it was last stored.
func (s *Store) Reserve(ctx context.Context, account, key string, r command.Reservation) (standing command.Reservation, mine bool, err error) {
	value, err := json.Marshal(r)
	if err != nil {
		return r, false, err
	}
	name := keyName(account, key)
	for {
		_, err := s.keys.Create(ctx, name, value)
		if err == nil {
			return r, true, nil
		}
		if !errors.Is(err, jetstream.ErrKeyExists) {
			return r, false, unavailable(err)
		}
		entry, err := s.keys.Get(ctx, name)
		if errors.Is(err, jetstream.ErrKeyNotFound) && !ended(ctx) {
			continue // released since
		}
		if err != nil {
			return r, false, unavailable(err)
		}
		return standing, false, json.Unmarshal(entry.Value(), &standing)
	}
}

// Settle stores the answer for all further requests with the key.
func (s *Store) Settle(ctx context.Context, account, key string, r command.Reservation) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := s.keys.Put(ctx, keyName(account, key), value); err != nil {
		return unavailable(err)
	}
	return nil
}

// Release forgets what is stored under the key.
func (s *Store) Release(ctx context.Context, account, key string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if err := s.keys.Delete(ctx, keyName(account, key)); err != nil {
		return unavailable(err)
	}
	return nil
}

// keyName makes one token of whatever a caller uses as a key.
func keyName(account, key string) string {
	sum := sha256.Sum256([]byte(key))
	return account + "." + hex.EncodeToString(sum[:])
}
