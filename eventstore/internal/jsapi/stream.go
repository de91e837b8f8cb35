package jsapi

import (
	"context"
	"errors"
	"slices"
	"time"
)

// StreamInfo is the part of a stream's information that the service uses.
type StreamInfo struct {
	Created time.Time `json:"created"`
	Config  struct {
		Subjects  []string  `json:"subjects"`
		Transform Transform `json:"subject_transform"`
		Mirror    *Copied   `json:"mirror"`
		Sources   []Copied  `json:"sources"`
		Replicas  int       `json:"num_replicas"`
		Metadata  struct {
			Epoch string `json:"epoch"` // see eventstore.Store.Epoch
		} `json:"metadata"`
	} `json:"config"`
	State   StreamState `json:"state"`
	Cluster Cluster     `json:"cluster"`
}

// Transform is how a stream stores messages on some subjects under others.
type Transform struct {
	Source      string `json:"src"`
	Destination string `json:"dest"` // empty: the same
}

// Copied is what a stream copies from another one: all messages, those of a filter, or those that one of several
// transforms is for.
type Copied struct {
	Filter     string      `json:"filter_subject"`
	Transforms []Transform `json:"subject_transforms"`
}

// StreamState is how far a stream goes.
type StreamState struct {
	First     uint64            `json:"first_seq"`
	FirstTime time.Time         `json:"first_ts"`
	Last      uint64            `json:"last_seq"` // of the last message that there ever was
	LastTime  time.Time         `json:"last_ts"`
	Messages  uint64            `json:"messages"`
	Bytes     uint64            `json:"bytes"`
	Subjects  map[string]uint64 `json:"subjects"` // messages by subject, if they were requested
}

// StreamInfo returns the information of a stream from its leader. What was acknowledged before the call is at or below
// State.Last. The error is ErrNoQuorum if the leader has not heard of a majority, or jetstream.ErrStreamNotFound.
func (c *Client) StreamInfo(ctx context.Context, stream string) (StreamInfo, error) {
	return c.StreamSubjects(ctx, stream, "")
}

// StreamSubjects returns what StreamInfo returns, with the number of messages on each subject that a filter matches. An
// empty filter matches none.
//
// On an idle stream the leader hears of the other servers every second, or every other second after a message was stored.
// It is given the time to do so. A leader that has been without a quorum has to hear of a majority again after settleTime: what it
// hears before that may have been held up on the way while the other servers elected another leader.
func (c *Client) StreamSubjects(ctx context.Context, stream, filter string) (info StreamInfo, err error) {
	var request any
	if filter != "" {
		request = map[string]any{"subjects_filter": filter}
	}
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	for grace := time.Now().Add(quorumGrace); ; {
		info = StreamInfo{}
		if err = c.Request(ctx, "STREAM.INFO."+stream, request, &info); err != nil {
			return info, err
		}
		quorum := info.Cluster.HasQuorum()
		if quorum && c.settled(stream, info.Cluster) {
			return info, nil
		}
		if late := time.Now().After(grace); late || ctx.Err() != nil {
			if late && !quorum {
				c.silences.Store(stream, silence{info.Cluster.Leader, info.Cluster.LeaderSince, time.Now()})
			}
			return info, ErrNoQuorum
		}
		Sleep(ctx, quorumGrace/10)
	}
}

// ErrNoQuorum reports that a leader has not heard of a majority of its servers, so that there may be another leader by now.
var ErrNoQuorum = errors.New("the stream leader has no quorum")

const (
	quorumTimeout = 2 * time.Second         // a server counts for the quorum if it was heard of within this time
	quorumGrace   = 500 * time.Millisecond  // how long a leader without a quorum is asked again
	settleTime    = 1500 * time.Millisecond // from a silence until what its leader hears counts; longer than between two samples
)

// silence is when the leader of a stream was last found without a quorum.
type silence struct {
	leader string
	since  time.Time // when it became the leader
	at     time.Time
}

// settled reports whether a leader with a quorum has heard of a majority settleTime after its last silence.
func (c *Client) settled(stream string, cluster Cluster) bool {
	last, ok := c.silences.Load(stream)
	if !ok || cluster.Single() {
		return true
	}
	s := last.(silence)
	another := s.leader != cluster.Leader || !s.since.Equal(cluster.LeaderSince)
	return another || time.Since(s.at)-cluster.heardOf() > settleTime
}

// Cluster is the leader's view of the servers that hold a stream together; empty for a stream without replicas.
type Cluster struct {
	RaftGroup   string    `json:"raft_group"` // another one if the stream is created again
	Leader      string    `json:"leader"`
	LeaderSince time.Time `json:"leader_since"`
	Replicas    []struct {
		Name    string        `json:"name"`
		Offline bool          `json:"offline"`
		Active  time.Duration `json:"active"` // since the leader has heard of it; 0: never
	} `json:"replicas"`
}

// Single reports whether one server holds the stream alone.
func (c Cluster) Single() bool { return len(c.Replicas) == 0 }

// Present returns the names of the leader and of the servers that it has heard of within the quorum timeout. There is none
// if one server holds the stream alone.
func (c Cluster) Present() (names []string) {
	if c.Single() {
		return nil
	}
	names = []string{c.Leader}
	for _, r := range c.Replicas {
		if !r.Offline && r.Active > 0 && r.Active <= quorumTimeout {
			names = append(names, r.Name)
		}
	}
	return names
}

// HasQuorum reports whether the leader has heard of a majority of the servers. A new leader has heard of those that
// elected it.
func (c Cluster) HasQuorum() bool {
	servers := len(c.Replicas) + 1
	return c.Single() || len(c.Present()) > servers/2
}

// heardOf returns for how long the leader has not heard of a majority. It is for a leader with a quorum.
func (c Cluster) heardOf() time.Duration {
	var times []time.Duration
	for _, r := range c.Replicas {
		if !r.Offline && r.Active > 0 {
			times = append(times, r.Active)
		}
	}
	slices.Sort(times)
	return times[(len(c.Replicas)+1)/2-1]
}
