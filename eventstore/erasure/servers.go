package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"clients/eventstore/internal/jsapi"
	"clients/eventstore/snapshotstore"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

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
