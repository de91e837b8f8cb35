package erasure

import "context"

// LockSnapshots is lockSnapshots.
func (e *Eraser) LockSnapshots(ctx context.Context) (unlock func(), err error) {
	return e.lockSnapshots(ctx)
}
