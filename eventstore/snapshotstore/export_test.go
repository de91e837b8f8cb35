package snapshotstore

import (
	"context"
	"time"
)

// RemoveLeftovers removes chunks without an object that are older than age.
func (b *Bucket) RemoveLeftovers(ctx context.Context, age time.Duration) error {
	return b.removeLeftovers(ctx, age)
}
