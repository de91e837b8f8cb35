package eventstore

import (
	"errors"
	"fmt"
)

// ErrDamaged reports that the stream was found not to hold what was folded of it.
var ErrDamaged = errors.New("the stream " + Stream + " is damaged: list the faults with clients verify (of a stopped embedded store: --data-dir), and restore a backup")

// Damaged ends the use of the stream: it is not followed any further, and nothing is stored any more.
func (s *Store) Damaged(found string) {
	_ = s.identity.fail(fmt.Errorf("%w: %s", ErrDamaged, found))
}
