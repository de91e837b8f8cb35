package embedded

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// HasStore reports whether there is a store in a data directory.
func HasStore(dir string) bool { return exists(filepath.Join(dir, storeName)) }

// AwaitRemoval waits until the server has removed the files of all streams that were deleted, which it does in the background.
func AwaitRemoval(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, removalLimit)
	defer cancel()
	for {
		left, err := filepath.Glob(filepath.Join(dir, storeName, "jetstream", streamsAccount, "streams", ".*"))
		if err != nil || len(left) == 0 {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("remove %v: %w", left, ctx.Err())
		}
	}
}

const removalLimit = 30 * time.Second
