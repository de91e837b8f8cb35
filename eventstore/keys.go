package eventstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"clients/domain"
	"clients/eventstore/internal/jsapi"
)

// storedReservation is an idempotency record as it is stored. Retries read it across releases: those that do not know
// released wait for the record for a while, and take it over then.
type storedReservation struct {
	Fingerprint string        `json:"fingerprint"`
	ClientID    int64         `json:"client_id"`
	EventID     string        `json:"event_id"`
	After       uint64        `json:"after"`
	Released    bool          `json:"released,omitempty"`
	Answer      *storedAnswer `json:"answer,omitempty"`
}

type storedAnswer struct {
	Version  uint64 `json:"version"`
	Checksum string `json:"checksum"`
}

func marshalReservation(r domain.IdempotencyRecord) ([]byte, error) {
	stored := storedReservation{Fingerprint: r.Fingerprint, ClientID: r.ClientID, EventID: r.EventID, After: r.After, Released: r.Released}
	if r.Result != nil {
		stored.Answer = &storedAnswer{Version: r.Result.Version, Checksum: hexSum(r.Result.Checksum)}
	}
	return json.Marshal(stored)
}

func unmarshalReservation(value []byte) (domain.IdempotencyRecord, error) {
	var stored storedReservation
	if err := json.Unmarshal(value, &stored); err != nil {
		return domain.IdempotencyRecord{}, err
	}
	r := domain.IdempotencyRecord{Fingerprint: stored.Fingerprint, ClientID: stored.ClientID, EventID: stored.EventID, After: stored.After, Released: stored.Released}
	if stored.Answer == nil {
		return r, nil
	}
	checksum, err := strconv.ParseUint(stored.Answer.Checksum, 16, 64)
	r.Result = &domain.Revision{Version: stored.Answer.Version, Checksum: checksum}
	return r, err
}

// Claim returns the record under an account's idempotency key; where there is none it stores the one that fresh makes, and
// own reports whether it is that one. A record ends 24 hours after it was last stored. fresh is called once at most, and
// its error returned. Claim goes on until ctx ends, and no longer.
func (s *Store) Claim(ctx context.Context, account, key string, fresh func() (domain.IdempotencyRecord, error)) (r domain.IdempotencyRecord, own bool, err error) {
	subject := keySubject(account, key)
	var made domain.IdempotencyRecord
	var value []byte
	for {
		standing, found, err := s.reservation(ctx, subject)
		if found || err != nil {
			return standing, false, err
		}
		if value == nil { // only what is stored waits for its turn
			done, err := s.reserveTurn(ctx)
			if err != nil {
				return r, false, err
			}
			defer done()
			if made, err = fresh(); err != nil {
				return made, false, err
			}
			if value, err = marshalReservation(made); err != nil {
				return made, false, err
			}
		}
		made.Revision, err = s.storeKey(ctx, subject, value, standing.Revision)
		if err == nil || !errors.Is(err, domain.ErrConflict) {
			return made, err == nil, err
		}
		if jsapi.Pause(ctx); ctx.Err() != nil {
			return made, false, domain.NoStore(ctx.Err())
		}
	}
}

// TakeOver stores r over the record of its revision. The error is domain.ErrConflict when the record has changed since.
func (s *Store) TakeOver(ctx context.Context, account, key string, r domain.IdempotencyRecord) (domain.IdempotencyRecord, error) {
	value, err := marshalReservation(r)
	if err != nil {
		return r, err
	}
	r.Revision, err = s.storeKey(ctx, keySubject(account, key), value, r.Revision)
	return r, err
}

// Complete stores the answer for all further requests with the key, unless it belongs to another event by now.
func (s *Store) Complete(ctx context.Context, account, key string, r domain.IdempotencyRecord) error {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	value, err := marshalReservation(r)
	if err != nil {
		return err
	}
	subject := keySubject(account, key)
	for {
		_, err := s.storeKey(ctx, subject, value, r.Revision)
		if !errors.Is(err, domain.ErrConflict) || ctx.Err() != nil {
			return err
		}
		standing, found, err := s.reservation(ctx, subject)
		if err != nil || found && standing.EventID != r.EventID {
			return err
		}
		r.Revision = standing.Revision
		jsapi.Pause(ctx)
	}
}

// Release removes the record. The error is domain.ErrConflict when it has changed since.
func (s *Store) Release(ctx context.Context, account, key string, r domain.IdempotencyRecord) error {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	_, err := s.storeKey(ctx, keySubject(account, key), nil, r.Revision)
	return err
}

// Read returns the record under an account's idempotency key, and whether there is one.
func (s *Store) Read(ctx context.Context, account, key string) (domain.IdempotencyRecord, bool, error) {
	return s.reservation(ctx, keySubject(account, key))
}

// reservation returns the record under a subject. Where there is none, its revision is what a first one is stored under.
func (s *Store) reservation(ctx context.Context, subject string) (r domain.IdempotencyRecord, found bool, err error) {
	stored, err := s.readKey(ctx, subject)
	if err != nil {
		return r, false, domain.NoStore(err)
	}
	if stored.value != nil {
		if r, err = unmarshalReservation(stored.value); err != nil {
			return r, false, domain.NoStore(fmt.Errorf("what stands under key %s cannot be read: %w", subject, err))
		}
	}
	r.Revision, r.StoredAt = stored.revision, stored.at
	return r, stored.value != nil, nil
}
