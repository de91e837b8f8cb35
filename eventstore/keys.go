package eventstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"clients/domain"
	"clients/domain/command"
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
// fresh is called once at most. Reserve goes on until ctx ends, and no longer.
func (s *Store) Reserve(ctx context.Context, account, key string, fresh func() (command.Reservation, error)) (r command.Reservation, mine bool, err error) {
	subject := keySubject(account, key)
	var own command.Reservation
	var value []byte
	for {
		standing, found, err := s.reservation(ctx, subject)
		if found || err != nil {
			return standing, false, err
		}
		if value == nil {
			if own, err = fresh(); err != nil {
				return own, false, err
			}
			if value, err = marshalReservation(own); err != nil {
				return own, false, err
			}
		}
		own.Revision, err = s.storeKey(ctx, subject, value, standing.Revision)
		if err == nil || !errors.Is(err, domain.ErrConflict) {
			return own, err == nil, err
		}
		if pause(ctx); ended(ctx) {
			return own, false, domain.NoStore(ctx.Err())
		}
	}
}

// TakeOver stores the reservation that stands once more, so that it stands as the caller's. It answers
// domain.ErrConflict when it does not stand as r any more.
func (s *Store) TakeOver(ctx context.Context, account, key string, r command.Reservation) (command.Reservation, error) {
	value, err := marshalReservation(r)
	if err != nil {
		return r, err
	}
	r.Revision, err = s.storeKey(ctx, keySubject(account, key), value, r.Revision)
	return r, err
}

// Settle stores the answer for all further requests with the key, unless it belongs to another request by now.
func (s *Store) Settle(ctx context.Context, account, key string, r command.Reservation) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	value, err := marshalReservation(r)
	if err != nil {
		return err
	}
	subject := keySubject(account, key)
	for {
		_, err := s.storeKey(ctx, subject, value, r.Revision)
		if !errors.Is(err, domain.ErrConflict) || ended(ctx) {
			return err
		}
		standing, found, err := s.reservation(ctx, subject)
		if err != nil || found && standing.EventID != r.EventID {
			return err
		}
		r.Revision = standing.Revision
		pause(ctx)
	}
}

// Release forgets the reservation. It answers domain.ErrConflict when it does not stand as r any more.
func (s *Store) Release(ctx context.Context, account, key string, r command.Reservation) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := s.storeKey(ctx, keySubject(account, key), nil, r.Revision)
	return err
}

// Standing answers the reservation that stands under an account's idempotency key, and whether there is one.
func (s *Store) Standing(ctx context.Context, account, key string) (command.Reservation, bool, error) {
	return s.reservation(ctx, keySubject(account, key))
}

// reservation is what stands under a key. Where there is none, its revision is what a first one is stored under.
func (s *Store) reservation(ctx context.Context, subject string) (r command.Reservation, found bool, err error) {
	standing, err := s.readKey(ctx, subject)
	if err != nil {
		return r, false, domain.NoStore(err)
	}
	if standing.value != nil {
		if r, err = unmarshalReservation(standing.value); err != nil {
			return r, false, domain.NoStore(fmt.Errorf("what stands under key %s cannot be read: %w", subject, err))
		}
	}
	r.Revision = standing.revision
	return r, standing.value != nil, nil
}
