package idempotency

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Unexported parts of the package that tests use.

var (
	Encode     = encode
	ErrTooSlow = errTooSlow
)

const (
	AttemptTimeout = attemptTimeout
	Subjects       = subjects
)

// SubjectOf returns the subject of a key, and its name in the bucket.
func SubjectOf(account, key string) (subject, name string) {
	subject = subjectOf(account, key)
	return subject, subject[len(subjects):]
}

func (s *Store) Conn() *nats.Conn               { return s.api.Conn }
func (s *Store) JetStream() jetstream.JetStream { return s.api.JetStream }

// Put stores a value under a subject that has none.
func (s *Store) Put(ctx context.Context, subject string, value []byte) (revision uint64, err error) {
	return s.put(ctx, subject, value, 0)
}

// SetAppendCost sets the cost of an append.
func (s *Store) SetAppendCost(cost func() time.Duration) { s.config.AppendCost = cost }

// FillClaims takes all places of claims that are stored at once, until release is called.
func (s *Store) FillClaims() (release func()) {
	for range claimsAtOnce {
		s.claiming <- struct{}{}
	}
	return func() {
		for range claimsAtOnce {
			<-s.claiming
		}
	}
}
