package erasure

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"clients/eventstore"

	"github.com/nats-io/nats.go/jetstream"
)

// AwayError names servers that were started again, or not current, while messages were overwritten.
type AwayError struct {
	Servers []string
	Alone   bool // there is no other server to rebuild a store from
}

func (e *AwayError) Error() string {
	return "away while messages were overwritten: " + strings.Join(e.Servers, ", ")
}

// checkRestarted returns an *AwayError for servers that were started again, or away, since an erasure began. These are their ids
// now. The files of an embedded server were repaired when it was started.
func (c *cluster) checkRestarted(begun []eventstore.Record, ids map[string]string) error {
	if c.Embedded {
		return nil
	}
	var changed []string
	for _, r := range begun {
		for name, id := range r.Removal.Servers {
			if ids[name] != id {
				changed = append(changed, name)
			}
		}
	}
	if len(changed) == 0 {
		return nil
	}
	slices.Sort(changed)
	return &AwayError{slices.Compact(changed), len(ids) == 1}
}

// noteRebuilt notes the present ids of servers that were rebuilt. A rebuilt one that has no stream any more is forgotten. Where no
// server was noted, as in another epoch, it notes all.
func (e *Eraser) noteRebuilt(ctx context.Context, begun []eventstore.Record, ids map[string]string, rebuilt []string) error {
	for _, name := range rebuilt {
		known := func(r eventstore.Record) bool { return r.Removal.Servers[name] != "" }
		if ids[name] == "" && !slices.ContainsFunc(begun, known) {
			return fmt.Errorf("no server has the name %q", name)
		}
	}
	for _, r := range begun {
		servers := maps.Clone(r.Removal.Servers)
		if len(servers) == 0 {
			servers = maps.Clone(ids)
		}
		for _, name := range rebuilt {
			servers[name] = ids[name]
		}
		maps.DeleteFunc(servers, func(_, id string) bool { return id == "" })
		if err := e.note(ctx, r, servers); err != nil {
			return err
		}
	}
	return nil
}

// watch notes which servers are away, and returns an *AwayError for them. It is called between all steps, and looks every
// pollInterval at most.
func (e *Eraser) watch(ctx context.Context, begun []eventstore.Record) error {
	if time.Since(e.watched) < pollInterval {
		return nil
	}
	replicas, _, err := e.replicas(ctx)
	if err != nil {
		return err
	}
	e.watched = time.Now()
	return e.noteAway(ctx, begun, silent(replicas))
}

// silent returns the names of servers that do not respond to their leaders.
func silent(replicas map[replica]*jetstream.PeerInfo) (names []string) {
	for r, info := range replicas {
		if info.Offline || info.Active > silence {
			names = append(names, r.server)
		}
	}
	return names
}

// noteAway notes servers that were away while erasures were under way, and returns an *AwayError for them. They are noted at once:
// what a server has missed cannot be found out later.
func (e *Eraser) noteAway(ctx context.Context, begun []eventstore.Record, names []string) error {
	begun = slices.DeleteFunc(slices.Clone(begun), func(r eventstore.Record) bool { return len(r.Removal.Servers) == 0 })
	if len(names) == 0 || len(begun) == 0 {
		return nil
	}
	for _, r := range begun {
		servers := maps.Clone(r.Removal.Servers)
		for _, name := range names {
			servers[name] = wasAway
		}
		if err := e.note(ctx, r, servers); err != nil {
			return err
		}
	}
	slices.Sort(names)
	return &AwayError{Servers: slices.Compact(names)}
}

// wasAway is noted instead of the id of a server that was away.
const wasAway = "away"

// note notes what is known of servers with an erasure that is not done.
func (e *Eraser) note(ctx context.Context, begun eventstore.Record, servers map[string]string) error {
	if maps.Equal(begun.Removal.Servers, servers) {
		return nil
	}
	begun.Removal.Servers, begun.Removal.Epoch = servers, e.epoch
	again := *begun.Removal
	again.Messages = nil
	return eventstore.AppendRemoval(ctx, e.nc, again)
}

const (
	pollInterval = 250 * time.Millisecond
	silence      = 5 * time.Second  // longer than a leader goes without hearing of a server that is there
	currentLimit = 30 * time.Second // for servers to get what was overwritten
)

// awaitCurrent waits until each replica has been seen to have all that its leader has, and returns the names of the others. It
// watches as well.
func (e *Eraser) awaitCurrent(ctx context.Context, begun []eventstore.Record, limit time.Duration) (behind []string, err error) {
	seen := make(map[replica]bool)
	for end := time.Now().Add(limit); ; {
		replicas, _, err := e.replicas(ctx)
		if away := e.noteAway(ctx, begun, silent(replicas)); away != nil {
			return nil, away
		}
		behind = nil
		for r, info := range replicas {
			if seen[r] = seen[r] || info.Current && !info.Offline; !seen[r] {
				behind = append(behind, r.server)
			}
		}
		if err == nil && len(behind) == 0 || time.Now().After(end) {
			slices.Sort(behind) // a server has several streams
			return slices.Compact(behind), err
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
