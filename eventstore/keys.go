package eventstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"clients/domain"
	"clients/domain/command"

	"github.com/nats-io/nats.go/jetstream"
)

// storedReservation is a reservation as it is stored, which repeats of a request read across releases.
type storedReservation struct {
	Fingerprint string        `json:"fingerprint"`
	ClientID    int64         `json:"client_id"`
	EventID     string        `json:"event_id"`
	After       uint64        `json:"after"`
	Answer      *storedAnswer `json:"answer,omitempty"`
}

type storedAnswer struct {
	Version  uint64 `json:"version"`
	Checksum string `json:"checksum"`
}

func marshalReservation(r command.Reservation) ([]byte, error) {
	stored := storedReservation{Fingerprint: r.Fingerprint, ClientID: r.ClientID, EventID: r.EventID, After: r.After}
	if r.Answer != nil {
		stored.Answer = &storedAnswer{Version: r.Answer.Revision.Version, Checksum: hexSum(r.Answer.Revision.Checksum)}
	}
	return json.Marshal(stored)
}

func unmarshalReservation(value []byte) (command.Reservation, error) {
	var stored storedReservation
	if err := json.Unmarshal(value, &stored); err != nil {
		return command.Reservation{}, err
	}
	r := command.Reservation{Fingerprint: stored.Fingerprint, ClientID: stored.ClientID, EventID: stored.EventID, After: stored.After}
	if stored.Answer == nil {
		return r, nil
	}
	checksum, err := strconv.ParseUint(stored.Answer.Checksum, 16, 64)
	r.Answer = &command.Result{ClientID: stored.ClientID, Revision: domain.Revision{Version: stored.Answer.Version, Checksum: checksum}}
	return r, err
}

// Reserve answers the reservation that stands under an account's idempotency key; where there is none it stores the
// one that fresh makes, and mine tells whether that one stands. A reservation ends 24 hours after it was last stored.
func (s *Store) Reserve(ctx context.Context, account, key string, fresh func() (command.Reservation, error)) (r command.Reservation, mine bool, err error) {
	name := keyName(account, key)
	for !ended(ctx) {
		standing, found, err := s.reservation(ctx, name)
		if found || err != nil {
			return standing, false, err
		}
		if r, err = fresh(); err != nil {
			return r, false, err
		}
		value, err := marshalReservation(r)
		if err != nil {
			return r, false, err
		}
		r.Revision, err = within(ctx, func() (uint64, error) { return s.keys.Create(ctx, name, value) })
		if err == nil {
			return r, true, nil
		}
		if !exists(err) {
			return r, false, domain.NoStore(err)
		}
	}
	return r, false, domain.NoStore(ctx.Err())
}

// TakeOver stores the reservation that stands once more, so that it stands as the caller's. It answers
// domain.ErrConflict when it does not stand as r any more.
func (s *Store) TakeOver(ctx context.Context, account, key string, r command.Reservation) (command.Reservation, error) {
	value, err := marshalReservation(r)
	if err != nil {
		return r, err
	}
	r.Revision, err = s.update(ctx, keyName(account, key), value, r.Revision)
	if exists(err) {
		return r, domain.ErrConflict
	}
	if err != nil {
		return r, domain.NoStore(err)
	}
	return r, nil
}

// Settle stores the answer for all further requests with the key, unless it belongs to another request by now.
func (s *Store) Settle(ctx context.Context, account, key string, r command.Reservation) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	value, err := marshalReservation(r)
	if err != nil {
		return err
	}
	name := keyName(account, key)
	for {
		_, err := s.update(ctx, name, value, r.Revision)
		if err == nil {
			return nil
		}
		if !exists(err) || ended(ctx) {
			return domain.NoStore(err)
		}
		standing, found, err := s.reservation(ctx, name)
		if err != nil {
			return err
		}
		if found && standing.EventID != r.EventID {
			return nil
		}
		if r.Revision = standing.Revision; !found {
			_, _, err := s.Reserve(ctx, account, key, func() (command.Reservation, error) { return r, nil })
			return err
		}
	}
}

// Release forgets the reservation, unless somebody has taken it over.
func (s *Store) Release(ctx context.Context, account, key string, r command.Reservation) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := within(ctx, func() (struct{}, error) {
		return struct{}{}, s.keys.Delete(ctx, keyName(account, key), jetstream.LastRevision(r.Revision))
	})
	if err != nil && !exists(err) {
		return domain.NoStore(err)
	}
	return nil
}

// reservation is what stands under a key.
func (s *Store) reservation(ctx context.Context, name string) (r command.Reservation, found bool, err error) {
	entry, err := within(ctx, func() (jetstream.KeyValueEntry, error) { return s.keys.Get(ctx, name) })
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return r, false, nil
	}
	if err != nil {
		return r, false, domain.NoStore(err)
	}
	if r, err = unmarshalReservation(entry.Value()); err != nil {
		return r, false, domain.NoStore(fmt.Errorf("what stands under key %s cannot be read: %w", name, err))
	}
	r.Revision = entry.Revision()
	return r, true, nil
}

func (s *Store) update(ctx context.Context, name string, value []byte, revision uint64) (uint64, error) {
	return within(ctx, func() (uint64, error) { return s.keys.Update(ctx, name, value, revision) })
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
