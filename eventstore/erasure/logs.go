package erasure

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	pollInterval = 250 * time.Millisecond
	silence      = 5 * time.Second  // longer than a leader goes without hearing of a server that is there
	currentLimit = 30 * time.Second // for servers to get what was overwritten
)

// awaitCurrent waits until each replica has been seen to have all that its leader has, and returns the names of the others.
func (c *cluster) awaitCurrent(ctx context.Context, limit time.Duration) (behind []string, err error) {
	seen := make(map[replica]bool)
	for end := time.Now().Add(limit); ; {
		replicas, _, err := c.replicas(ctx)
		behind = nil
		for r, info := range replicas {
			if seen[r] = seen[r] || info.Current && !info.Offline; !seen[r] {
				behind = append(behind, r.server)
			}
		}
		if err == nil && len(behind) == 0 || time.Now().After(end) {
			return behind, err
		}
		if err := pause(ctx, pollInterval); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watch watches the replicas until the function that it returns is called. That one waits until all of them are current, and
// returns the names of those that are not, or were away meanwhile.
func (c *cluster) watch(ctx context.Context) (end func() ([]string, error)) {
	watching, stop := context.WithCancel(ctx)
	away, done := make(map[string]bool), make(chan struct{})
	go func() {
		defer close(done)
		for pause(watching, pollInterval) == nil {
			replicas, _, _ := c.replicas(watching) // there may be no leader at the moment
			for r, info := range replicas {
				if info.Offline || info.Active > silence {
					away[r.server] = true
				}
			}
		}
	}()
	return func() ([]string, error) {
		behind, err := c.awaitCurrent(ctx, currentLimit)
		stop()
		<-done
		return append(behind, slices.Collect(maps.Keys(away))...), err
	}
}

const (
	logFile      = 4 << 20 // bytes; after that a server begins another file of a Raft log
	logEntry     = 256     // bytes that a deletion takes in a log, at least
	fillTogether = 256     // requests under way
	fillLimit    = 10 * time.Second
)

// fillLogs fills the Raft logs of the streams, with deletions of a message that is deleted already.
func (c *cluster) fillLogs(ctx context.Context, touched map[string]uint64) error {
	inbox := c.nc.NewInbox()
	responses, err := c.nc.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = responses.Unsubscribe() }()
	for stream, sequence := range touched {
		info, err := c.stream(ctx, stream)
		if err != nil {
			return err
		}
		if info.Cluster == nil || len(info.Cluster.Replicas) == 0 {
			continue
		}
		c.Progress("filling the Raft logs of " + stream)
		for range logFile / logEntry / fillTogether {
			if err := c.fill(ctx, stream, sequence, inbox, responses); err != nil {
				return fmt.Errorf("fill the Raft logs of %s: %w", stream, err)
			}
		}
	}
	return nil
}

// fill sends some deletions and waits for the responses.
func (c *cluster) fill(ctx context.Context, stream string, sequence uint64, inbox string, responses *nats.Subscription) error {
	ctx, cancel := context.WithTimeout(ctx, fillLimit)
	defer cancel()
	for range fillTogether {
		if err := c.nc.PublishRequest("$JS.API.STREAM.MSG.DELETE."+stream, inbox, fmt.Appendf(nil, `{"seq":%d}`, sequence)); err != nil {
			return err
		}
	}
	for range fillTogether {
		if _, err := responses.NextMsgWithContext(ctx); err != nil {
			return err
		}
	}
	return nil
}

// awaitLogs waits until the Raft logs of the streams are cut, if there are any.
func (c *cluster) awaitLogs(ctx context.Context, touched map[string]uint64) error {
	replicated := false
	for stream := range touched {
		info, err := c.stream(ctx, stream)
		if err != nil {
			return err
		}
		replicated = replicated || info.Cluster != nil && len(info.Cluster.Replicas) > 0
	}
	if !replicated {
		return nil
	}
	for end := time.Now().Add(c.LogWait); time.Now().Before(end); {
		c.Progress(fmt.Sprintf("waiting for the Raft logs: %s left", time.Until(end).Round(time.Second)))
		if err := pause(ctx, min(time.Until(end), progressInterval)); err != nil {
			return err
		}
	}
	return nil
}

const progressInterval = 10 * time.Second
