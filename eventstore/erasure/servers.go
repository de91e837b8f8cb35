package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"clients/eventstore"
	"clients/eventstore/internal/jsapi"
	"clients/eventstore/snapshotstore"

	"github.com/nats-io/nats.go"
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

// cluster are the servers that have the streams.
type cluster struct {
	Config
	nc  *nats.Conn
	api *jsapi.Client
}

// stream returns the information of a stream as soon as it has a leader.
func (c *cluster) stream(ctx context.Context, name string) (info *jetstream.StreamInfo, err error) {
	ctx, cancel := context.WithTimeout(ctx, leaderLimit)
	defer cancel()
	err = jsapi.Retry(ctx, slog.New(slog.DiscardHandler), func(ctx context.Context) error {
		stream, err := c.api.JetStream.Stream(ctx, name)
		if err == nil {
			info = stream.CachedInfo()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	return info, nil
}

// replicas returns what the leaders of the streams say of the other servers, and the names of all servers.
func (c *cluster) replicas(ctx context.Context) (replicas map[replica]*jetstream.PeerInfo, names []string, err error) {
	replicas = make(map[replica]*jetstream.PeerInfo)
	for _, name := range append([]string{snapshotstore.Stream}, logged...) {
		info, err := c.stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if info.Cluster == nil || info.Cluster.Leader == "" {
			continue
		}
		names = append(names, info.Cluster.Leader)
		for _, r := range info.Cluster.Replicas {
			names = append(names, r.Name)
			replicas[replica{name, r.Name}] = r
		}
	}
	if len(names) == 0 { // it is not part of a cluster
		names = append(names, c.nc.ConnectedServerName())
	}
	slices.Sort(names)
	return replicas, slices.Compact(names), nil
}

// replica is a server that has a stream.
type replica struct{ stream, server string }

const (
	leaderLimit  = 15 * time.Second // for a stream to have a leader
	serversLimit = 5 * time.Second  // for servers to respond
)

// servers returns the ids of the servers that have the streams, by name. A server has another id each time that it is started.
func (c *cluster) servers(ctx context.Context) (ids map[string]string, err error) {
	_, names, err := c.replicas(ctx)
	if err != nil {
		return nil, err
	}
	inbox := c.nc.NewInbox()
	responses, err := c.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = responses.Unsubscribe() }()
	if err := c.nc.PublishRequest("$SYS.REQ.ACCOUNT.PING.STATZ", inbox, []byte(`{"include_unused":true}`)); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, serversLimit)
	defer cancel()
	for ids = make(map[string]string); len(ids) < len(names); {
		reply, err := responses.NextMsgWithContext(ctx)
		if err != nil {
			missing := slices.DeleteFunc(names, func(name string) bool { return ids[name] != "" })
			return nil, fmt.Errorf("servers do not respond: %s: %w", strings.Join(missing, ", "), err)
		}
		var response struct {
			Server struct{ Name, ID string } `json:"server"`
		}
		if err := json.Unmarshal(reply.Data, &response); err != nil {
			return nil, err
		}
		if slices.Contains(names, response.Server.Name) {
			ids[response.Server.Name] = response.Server.ID
		}
	}
	return ids, nil
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

// noteRebuilt notes the present ids of servers that were rebuilt, and of all where none is known. A server that has no stream any
// more is forgotten.
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

// watch notes which servers are away, and returns an *AwayError for them. It is to be called as often as possible.
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
