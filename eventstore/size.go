package eventstore

import (
	"context"
	"fmt"
)

// Size is how much a stream holds.
type Size struct {
	Last     uint64 // sequence of the last message there ever was
	Messages uint64
	Bytes    uint64 // as they are stored
}

// Size asks the leader of one of the service's streams, whatever takes its place, how much it holds. It answers
// ErrNoQuorum where the leader has not heard of one.
func (s *Store) Size(ctx context.Context, stream string) (Size, error) {
	info, err := s.api.StreamInfo(ctx, stream)
	if err != nil {
		return Size{}, fmt.Errorf("size of stream %s: %w", stream, err)
	}
	return Size{Last: info.State.Last, Messages: info.State.Messages, Bytes: info.State.Bytes}, nil
}
