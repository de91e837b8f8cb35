package eventstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// Counts are the events that were appended since the store was opened, those that were refused because the client had changed,
// and those that could not be stored or whose outcome is unknown.
type Counts struct{ Appended, Conflicts, Failures atomic.Uint64 }

func (c *Counts) add(err error) {
	switch {
	case err == nil:
		c.Appended.Add(1)
	case errors.Is(err, domain.ErrConflict):
		c.Conflicts.Add(1)
	default:
		c.Failures.Add(1)
	}
}

// Size is how much a stream holds.
type Size struct {
	Last     uint64 // sequence of the last message there ever was
	Messages uint64
	Bytes    uint64 // as they are stored
}

// Size returns how much a stream holds, by its leader. The error is ErrNoQuorum if the leader has not heard of a majority. Of
// the stream of events it is also compared with what was read: see LastSequence.
func (s *Store) Size(ctx context.Context, stream string) (Size, error) {
	info, err := s.info(ctx, stream)
	if err != nil {
		return Size{}, fmt.Errorf("size of stream %s: %w", stream, err)
	}
	return Size{Last: info.State.Last, Messages: info.State.Messages, Bytes: info.State.Bytes}, nil
}

func (s *Store) info(ctx context.Context, stream string) (jsapi.StreamInfo, error) {
	if _, fault := s.guard.checkpoint(); stream == Stream && fault == nil {
		return s.guard.state(ctx)
	}
	return s.api.StreamInfo(ctx, stream)
}

// Storage is how much room the streams of an account take on all NATS servers together, and how much they may take.
type Storage struct {
	Used  uint64
	Limit uint64 // 0 if the account has no limit: then that of the servers holds, which they do not report
}

// Storage returns how much room is taken. Limits of an account by number of replicas are not reported.
func (s *Store) Storage(ctx context.Context) (Storage, error) {
	var account jetstream.AccountInfo
	if err := s.api.Request(ctx, "INFO", nil, &account); err != nil {
		return Storage{}, fmt.Errorf("storage of the account: %w", err)
	}
	return Storage{Used: account.Store, Limit: uint64(max(0, account.Limits.MaxStore))}, nil // 0 and below: no limit
}
