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
	"clients/eventstore/deadletter"
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
	names = []string{c.nc.ConnectedServerName()} // which has the streams if it is not part of a cluster
	for _, name := range []string{eventstore.Stream, deadletter.Stream, snapshotstore.Stream} {
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

// restarted returns the servers that were started again since an erasure began, also in an earlier call, or in this one, whose
// ids these are. Rebuilt servers are noted with their present ids.
func (e *Eraser) restarted(ctx context.Context, begun []eventstore.Record, ids map[string]string, rebuilt []string) ([]string, error) {
	if e.Embedded { // its files were repaired at the start
		return nil, nil
	}
	now, err := e.servers(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[string]string)
	for _, name := range rebuilt {
		if known[name] = now[name]; now[name] == "" {
			return nil, fmt.Errorf("no server has the name %q", name)
		}
	}
	if err := e.note(ctx, begun, known); err != nil {
		return nil, err
	}
	noted := []map[string]string{ids}
	for _, r := range begun {
		noted = append(noted, r.Removal.Servers)
	}
	var changed []string
	for _, ids := range noted {
		for name, id := range ids {
			if now[name] != id {
				changed = append(changed, name)
			}
		}
	}
	return changed, nil
}

// wasAway is noted instead of the id of a server that was away.
const wasAway = "away"

// note notes what is known of servers with erasures that are not done.
func (e *Eraser) note(ctx context.Context, begun []eventstore.Record, servers map[string]string) error {
	if len(servers) == 0 {
		return nil
	}
	for _, r := range begun {
		noted := maps.Clone(servers)
		for name, id := range r.Removal.Servers {
			if noted[name] == "" {
				noted[name] = id
			}
		}
		r.Removal.Servers = noted
		again := *r.Removal
		again.Messages = nil
		if err := eventstore.AppendRemoval(ctx, e.nc, again); err != nil {
			return err
		}
	}
	return nil
}
