package eventstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"clients/domain"
	"clients/domain/command"

	"github.com/nats-io/nats.go/jetstream"
)

// Reserve stores r under an account's idempotency key unless there is a reservation already, and answers the one that
// stands; mine tells whether that is r. A reservation ends 24 hours after it was last stored.
func (s *Store) Reserve(ctx context.Context, account, key string, r command.Reservation) (standing command.Reservation, mine bool, err error) {
	name := keyName(account, key)
	for {
		value, err := json.Marshal(r)
		if err != nil {
			return r, false, err
		}
		r.Revision, err = s.keys.Create(ctx, name, value)
		if err == nil {
			return r, true, nil
		}
		if !exists(err) {
			return r, false, unavailable(err)
		}
		standing, found, err := s.reservation(ctx, name)
		if found || err != nil {
			return standing, false, err
		}
		if ended(ctx) {
			return r, false, unavailable(ctx.Err())
		}
	}
}

// TakeOver stores the reservation that stands once more, so that it stands as the caller's. It answers
// domain.ErrConflict when it does not stand as r any more.
func (s *Store) TakeOver(ctx context.Context, account, key string, r command.Reservation) (command.Reservation, error) {
	value, err := json.Marshal(r)
	if err != nil {
		return r, err
	}
	r.Revision, err = s.keys.Update(ctx, keyName(account, key), value, r.Revision)
	if exists(err) {
		return r, domain.ErrConflict
	}
	if err != nil {
		return r, unavailable(err)
	}
	return r, nil
}

// Settle stores the answer for all further requests with the key, unless it belongs to another request by now.
func (s *Store) Settle(ctx context.Context, account, key string, r command.Reservation) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	name := keyName(account, key)
	for {
		_, err := s.keys.Update(ctx, name, value, r.Revision)
		if err == nil {
			return nil
		}
		if !exists(err) || ended(ctx) {
			return unavailable(err)
		}
		standing, found, err := s.reservation(ctx, name)
		if err != nil {
			return err
		}
		if found && standing.EventID != r.EventID {
			return nil
		}
		if r.Revision = standing.Revision; !found {
			_, _, err := s.Reserve(ctx, account, key, r)
			return err
		}
	}
}

// Release forgets the reservation, unless somebody has taken it over.
func (s *Store) Release(ctx context.Context, account, key string, r command.Reservation) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	err := s.keys.Delete(ctx, keyName(account, key), jetstream.LastRevision(r.Revision))
	if err != nil && !exists(err) {
		return unavailable(err)
	}
	return nil
}

// reservation is what stands under a key.
func (s *Store) reservation(ctx context.Context, name string) (r command.Reservation, found bool, err error) {
	entry, err := s.keys.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return r, false, nil
	}
	if err != nil {
		return r, false, unavailable(err)
	}
	if err := json.Unmarshal(entry.Value(), &r); err != nil {
		return r, false, err
	}
	r.Revision = entry.Revision()
	return r, true, nil
}

// exists tells that something else is stored under a key than the caller takes for granted.
func exists(err error) bool {
	return err != nil && (errors.Is(err, jetstream.ErrKeyExists) || classify(err) == outrun)
}

// keyName makes one token of whatever a caller uses as a key.
func keyName(account, key string) string {
	sum := sha256.Sum256([]byte(key))
	return account + "." + hex.EncodeToString(sum[:])
}
