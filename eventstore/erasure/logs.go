package erasure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/eventstore"
	"clients/eventstore/deadletter"
	"clients/eventstore/internal/jsapi"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// logged are the streams whose messages, and Raft logs, can hold texts of a client.
var logged = []string{eventstore.Stream, deadletter.Stream, upstream.Projects.Name, upstream.Invoices.Name}

const (
	logFile      = 4 << 20          // bytes; after that a server begins another file of a Raft log
	logEntry     = 256              // bytes that a deletion takes in a log, at least: it has the description of the connection
	fillTogether = 64               // requests under way
	fillLimit    = 30 * time.Second // with an election
)

// codeDeleteFailed is the code of the error for a deletion that is in the log, of a message that does not exist.
const codeDeleteFailed jetstream.ErrorCode = 10057

// fillLogs fills the Raft logs of the streams, with deletions of a message that does not exist, and reports whether there are any.
func (e *Eraser) fillLogs(ctx context.Context, begun []eventstore.Record) (replicated bool, err error) {
	for _, stream := range logged {
		info, err := e.stream(ctx, stream)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if info.Cluster == nil || len(info.Cluster.Replicas) == 0 || info.Config.DenyDelete || info.Config.Sealed {
			continue
		}
		replicated = true
		e.Progress("filling the Raft logs of " + stream)
		for range logFile / logEntry / fillTogether {
			if err := e.fill(ctx, stream); err != nil {
				return false, fmt.Errorf("fill the Raft logs of %s: %w", stream, err)
			}
			if err := e.watch(ctx, begun); err != nil {
				return false, err
			}
		}
	}
	return replicated, nil
}

// fill sends some deletions, each again until it is in the log.
func (c *cluster) fill(ctx context.Context, stream string) error {
	ctx, cancel := context.WithTimeout(ctx, fillLimit)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for range fillTogether {
		group.Go(func() error {
			for {
				err := c.api.Do(ctx, "STREAM.MSG.DELETE."+stream, map[string]any{"seq": 0})
				refused := new(jetstream.APIError)
				if err == nil || errors.As(err, &refused) && refused.ErrorCode == codeDeleteFailed {
					return nil
				}
				if jsapi.Pause(ctx); ctx.Err() != nil { // there is no leader at the moment
					return err
				}
			}
		})
	}
	return group.Wait()
}

// awaitLogs waits until the servers have cut their Raft logs.
func (c *cluster) awaitLogs(ctx context.Context) error {
	for end := time.Now().Add(c.LogWait); time.Now().Before(end); {
		c.Progress(fmt.Sprintf("waiting for the Raft logs: %s left", time.Until(end).Round(time.Second)))
		if err := pause(ctx, min(time.Until(end), progressInterval)); err != nil {
			return err
		}
	}
	return nil
}

const progressInterval = 10 * time.Second
