package upstream

import (
	"context"
	"errors"
	"log/slog"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// Each stream that the service creates may take a gibibyte of the disk that it shares with CLIENTS, less on a small disk.
const (
	maxBytes      = 1 << 30
	smallMaxBytes = 16 << 20
)

// Ensure creates the streams that do not exist, for a service without other services' administrators, and leaves existing
// ones as they are. room is the size of the disk in bytes, 0 if unknown. The error is ErrMissing if an existing one does not receive
// what is read.
//
// A full stream refuses further messages. It does not discard old ones: those may be acknowledged and not yet read.
func (c *Client) Ensure(ctx context.Context, replicas int, room uint64, log *slog.Logger) (err error) {
	limit := int64(maxBytes)
	if room > 0 {
		limit = min(limit, int64(room/8))
	}
	for _, stream := range Streams() {
		create := func(ctx context.Context) error { return c.ensure(ctx, stream, replicas, limit, log) }
		if failed := jsapi.Retry(ctx, log, create); failed != nil { // a cluster that has just started takes no streams
			err = errors.Join(err, failed)
		}
	}
	return err
}

func (c *Client) ensure(ctx context.Context, stream Stream, replicas int, limit int64, log *slog.Logger) error {
	_, err := c.api.JetStream.CreateStream(ctx, jetstream.StreamConfig{
		Name:        stream.Name,
		Description: "Events of another service. Publish to " + stream.Filter,
		Subjects:    []string{stream.Filter},
		Storage:     jetstream.FileStorage,
		Replicas:    replicas,
		Discard:     jetstream.DiscardNew,
		MaxBytes:    limit,
		AllowDirect: true,
	})
	if jsapi.LacksStorage(err) && limit > smallMaxBytes {
		return c.ensure(ctx, stream, replicas, limit/2, log)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return c.check(ctx, stream, log)
	}
	if err != nil {
		err = streamError(stream, err)
	}
	if jsapi.LacksRoom(err) != "" {
		return jsapi.Permanent(err)
	}
	return err
}

// check returns an error if an existing stream does not receive what is read.
func (c *Client) check(ctx context.Context, stream Stream, log *slog.Logger) error {
	existing, err := c.api.JetStream.Stream(ctx, stream.Name)
	if err != nil {
		return streamError(stream, err)
	}
	if existing.CachedInfo().Config.MaxBytes <= 0 {
		log.Warn("source without size limit", "stream", stream.Name)
	}
	if _, err = c.State(ctx, stream); errors.Is(err, ErrMissing) {
		return jsapi.Permanent(err)
	}
	return err
}
