package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/eventstore/deadletter"
	"clients/eventstore/embedded"
	"clients/eventstore/erasure"

	"github.com/nats-io/nats.go"
)

// Target says how to restore.
type Target struct {
	Replicas int              // of each stream
	Replace  bool             // first delete the streams of the backup that exist; servers only
	Erasures []erasure.Erased // to be erased from what is restored
	LogWait  time.Duration    // for the erasures on several servers, see package erasure
	Out, Err io.Writer
}

// ToServers restores into the NATS of a service that does not run. If it fails, what it has created is deleted again, and no service
// starts where there was one before.
func (b *Backup) ToServers(ctx context.Context, nc *nats.Conn, target Target) error {
	if serviceRuns(ctx, nc) {
		return terminal.WithHint(errors.New("the service is running"), "stop all replicas first")
	}
	r, err := b.restore(nc, target)
	if err != nil {
		return err
	}
	if err = r.makeRoom(ctx); err == nil {
		err = r.run(ctx)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), context.Canceled):
		err = terminal.WithHint(errors.New("interrupted, created streams are deleted"), "run it again")
	default:
		err = natsconn.PermissionError(ctx, err)
	}
	return errors.Join(err, r.undo())
}

// ToDirectory restores into the data directory of a service with an embedded server. The store is renamed into place when
// all of it is on disk.
func (b *Backup) ToDirectory(ctx context.Context, dir string, target Target) error {
	log := slog.New(slog.DiscardHandler)
	draft, err := embedded.BeginDraft(dir, log)
	if err != nil {
		return err
	}
	defer func() { _ = draft.Discard() }()
	nc, err := draft.Connect(natsconn.Options(log)...)
	if err != nil {
		return fmt.Errorf("connect to the embedded server: %w", err)
	}
	defer nc.Close()
	r, err := b.restore(nc, target)
	if err != nil {
		return err
	}
	r.embedded = true
	if err := r.run(ctx); err != nil {
		return err
	}
	nc.Close()
	return draft.Finish()
}

func (b *Backup) restore(nc *nats.Conn, target Target) (*restore, error) {
	manager, err := newManager(nc)
	return &restore{Backup: b, Target: target, nc: nc, manager: manager, created: make(map[string]time.Time)}, err
}

// serviceRuns reports whether a replica responds. It retries a message that does not exist.
func serviceRuns(ctx context.Context, nc *nats.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, natsconn.Limit)
	defer cancel()
	return !errors.Is(deadletter.New(nc).Retry(ctx, 0), deadletter.ErrNoService)
}
