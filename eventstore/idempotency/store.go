package idempotency

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
)

// Config is how to open a Store.
type Config struct {
	// Replicas of the stream, if it is created.
	Replicas int
	// AppendCost returns how long the append of an event takes at the moment.
	AppendCost func() time.Duration
	// Published, unless nil, is called with the size and the error of each attempt to publish, nil for an acknowledged one.
	Published func(size int, err error)
	Log       *slog.Logger
}

// Store stores idempotency records. It is safe for concurrent use.
type Store struct {
	api      *jsapi.Client
	config   Config
	claiming chan struct{} // holds a value for each claim that is being stored
}

// How many claims are stored at once. One server stores them one after the other, so that on a slow disk more of them
// would all be late.
const (
	claimsAtOnce           = 8
	claimsAtOnceReplicated = 64
)

// Open creates the stream of the records if it does not exist. It returns a *jsapi.ConfigError if an existing stream has a
// configuration that the guarantees do not hold for.
func Open(ctx context.Context, nc *nats.Conn, config Config) (*Store, error) {
	api := jsapi.New(nc)
	api.Published = config.Published
	limit := claimsAtOnce
	if config.Replicas > 1 {
		limit = claimsAtOnceReplicated
	}
	s := &Store{api: api, config: config, claiming: make(chan struct{}, limit)}
	if err := s.ensure(ctx); err != nil {
		return nil, fmt.Errorf("open idempotency records: %w", err)
	}
	return s, nil
}

// Claim returns the record under an account's key. If there is none it stores the one that create returns, and own is true.
// create is called at most once, and its error is returned.
func (s *Store) Claim(ctx context.Context, account, key string, create func() (domain.IdempotencyRecord, error)) (r domain.IdempotencyRecord, own bool, err error) {
	for admitted := false; ; {
		existing, found, err := s.Read(ctx, account, key)
		if found || err != nil {
			return existing, false, err
		}
		if !admitted { // only a claim that is stored waits for a place
			done, err := s.admit(ctx)
			if err != nil {
				return r, false, err
			}
			defer done()
			if r, err = create(); err != nil {
				return r, false, err
			}
			admitted = true
		}
		r.Revision = existing.Revision
		r, err = s.TakeOver(ctx, account, key, r)
		if err == nil || !errors.Is(err, domain.ErrConflict) {
			return r, err == nil, err
		}
		if jsapi.Pause(ctx); ctx.Err() != nil {
			return r, false, domain.NoStore(ctx.Err())
		}
	}
}

var errTooSlow = errors.New("the disk is too slow to store an event in time")

// admit waits until a claim may be stored. It fails if no event could be stored after it before ctx ends.
func (s *Store) admit(ctx context.Context) (done func(), err error) {
	select {
	case s.claiming <- struct{}{}:
	case <-ctx.Done():
		return nil, domain.NoStore(ctx.Err())
	}
	done = func() { <-s.claiming }
	before := time.Duration(min(len(s.claiming), claimsAtOnce))
	if deadline, limited := ctx.Deadline(); limited && time.Until(deadline) < (before+2)*s.config.AppendCost() {
		done()
		return nil, domain.NoStore(errTooSlow)
	}
	return done, nil
}

// TakeOver replaces the record that has the revision of r. It returns domain.ErrConflict if the record has changed since.
func (s *Store) TakeOver(ctx context.Context, account, key string, r domain.IdempotencyRecord) (domain.IdempotencyRecord, error) {
	value, err := encode(r)
	if err != nil {
		return r, err
	}
	r.Revision, err = s.put(ctx, subjectOf(account, key), value, r.Revision)
	return r, err
}

// Complete stores the result for all further requests with the key, unless the record is of another event by now.
func (s *Store) Complete(ctx context.Context, account, key string, r domain.IdempotencyRecord) error {
	for {
		_, err := s.TakeOver(ctx, account, key, r)
		if !errors.Is(err, domain.ErrConflict) || ctx.Err() != nil {
			return err
		}
		existing, found, err := s.Read(ctx, account, key)
		if err != nil || found && existing.EventID != r.EventID {
			return err
		}
		r.Revision = existing.Revision
		jsapi.Pause(ctx)
	}
}

// Release removes the record. It returns domain.ErrConflict if the record has changed since.
func (s *Store) Release(ctx context.Context, account, key string, r domain.IdempotencyRecord) error {
	_, err := s.put(ctx, subjectOf(account, key), nil, r.Revision)
	return err
}

// Read returns the record under an account's key, and whether there is one. If there is none, its revision is the one to
// store the first record with.
func (s *Store) Read(ctx context.Context, account, key string) (r domain.IdempotencyRecord, found bool, err error) {
	e, err := s.get(ctx, subjectOf(account, key))
	if err != nil {
		return r, false, noStore(err)
	}
	if e.value != nil {
		if r, err = decode(e.value); err != nil {
			return r, false, domain.NoStore(fmt.Errorf("unreadable idempotency record at sequence %d: %w", e.revision, err))
		}
	}
	r.Revision, r.StoredAt = e.revision, e.at
	return r, e.value != nil, nil
}
