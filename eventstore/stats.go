package eventstore

import (
	"errors"
	"sync/atomic"

	"clients/domain"
)

// Stats counts what has happened since the store was opened.
type Stats struct {
	Appended  uint64
	Conflicts uint64
	Failures  uint64
}

type stats struct{ appended, conflicts, failures atomic.Uint64 }

func (s *stats) count(err error) {
	switch {
	case err == nil:
		s.appended.Add(1)
	case errors.Is(err, domain.ErrConflict):
		s.conflicts.Add(1)
	default:
		s.failures.Add(1)
	}
}

// Stats answers the counts so far.
func (s *Store) Stats() Stats {
	return Stats{Appended: s.stats.appended.Load(), Conflicts: s.stats.conflicts.Load(), Failures: s.stats.failures.Load()}
}
