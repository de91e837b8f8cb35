package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// LastSequence asks the stream's leader for the sequence of its last message. What was acknowledged before the call
// is at or below it. The error is ErrReplaced when that is not the stream that has been followed.
func (s *Store) LastSequence(ctx context.Context) (uint64, error) {
	info, err := s.followed(ctx)
	if err != nil {
		return 0, fmt.Errorf("last sequence: %w", err)
	}
	return info.State.Last, nil
}

// state asks a stream's leader, which is to have heard of a majority. On an idle stream it hears of the others every
// second, and once in two when something was stored in between: it is given the time to do so.
func (s *Store) state(ctx context.Context, stream string) (streamInfo, error) {
	return s.stateOf(ctx, stream, "")
}

// stateOf also asks how many messages there are on each subject that a filter matches, unless that is "".
func (s *Store) stateOf(ctx context.Context, stream, filter string) (info streamInfo, err error) {
	var question any
	if filter != "" {
		question = map[string]any{"subjects_filter": filter}
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for patience := time.Now().Add(hearing); ; {
		info = streamInfo{}
		if err = ask(ctx, s.nc, "STREAM.INFO."+stream, question, &info); err != nil {
			return info, err
		}
		if err = info.Cluster.heard(); err == nil || time.Now().After(patience) {
			return info, err
		}
		select {
		case <-time.After(hearing / 10):
		case <-ctx.Done():
			return info, err
		}
	}
}

// next answers the message at sequence, or, for a subject that is not "", the first one of it from there on. It asks the
// leader: a replica might not know of it yet. When there is none the error is jetstream.ErrMsgNotFound.
func (s *Store) next(ctx context.Context, subject string, sequence uint64) (Record, error) {
	question := map[string]any{"seq": sequence}
	if subject != "" {
		question["next_by_subj"] = subject
	}
	var answer storedMessage
	if err := ask(ctx, s.nc, "STREAM.MSG.GET."+Stream, question, &answer); err != nil {
		return Record{}, fmt.Errorf("message %d: %w", sequence, err)
	}
	return answer.decode()
}

// last answers the last message of a subject. It asks the leader. When there is none the error is
// jetstream.ErrMsgNotFound.
func (s *Store) last(ctx context.Context, subject string) (Record, error) {
	var answer storedMessage
	if err := ask(ctx, s.nc, "STREAM.MSG.GET."+Stream, map[string]any{"last_by_subj": subject}, &answer); err != nil {
		return Record{}, fmt.Errorf("last message of %s: %w", subject, err)
	}
	return answer.decode()
}

// streamInfo is what this service wants to know of a stream.
type streamInfo struct {
	Created time.Time `json:"created"`
	Config  struct {
		Subjects []string `json:"subjects"`
	} `json:"config"`
	State struct {
		First     uint64            `json:"first_seq"`
		FirstTime time.Time         `json:"first_ts"`
		Last      uint64            `json:"last_seq"`
		LastTime  time.Time         `json:"last_ts"` // of the last message that there ever was
		Messages  uint64            `json:"messages"`
		Bytes     uint64            `json:"bytes"`
		Subjects  map[string]uint64 `json:"subjects"` // when they were asked for
	} `json:"state"`
	Cluster cluster `json:"cluster"`
}

// storedMessage is the answer of the message API.
type storedMessage struct {
	Message struct {
		Subject  string    `json:"subject"`
		Sequence uint64    `json:"seq"`
		Header   []byte    `json:"hdrs"`
		Data     []byte    `json:"data"`
		Time     time.Time `json:"time"`
	} `json:"message"`
}

// cluster is the leader's view of the servers that hold a stream together; empty where there is but one.
type cluster struct {
	Leader   string `json:"leader"`
	Replicas []struct {
		Name    string        `json:"name"`
		Offline bool          `json:"offline"`
		Active  time.Duration `json:"active"` // since the leader has heard of it
	} `json:"replicas"`
}

// single reports whether one server holds the stream alone.
func (c cluster) single() bool { return len(c.Replicas) == 0 }

// ErrNoMajority tells that a leader has not heard of a majority of late, so that there may be another leader by now.
var ErrNoMajority = errors.New("the stream's leader has not heard of a majority of its servers")

// How long a leader may not have heard of a server that it counts on, and how much longer it is asked again.
const (
	silence = 2 * time.Second
	hearing = 500 * time.Millisecond
)

// present returns the names of the servers that the leader has heard of of late, and its own. There is none where one
// server holds the stream alone.
func (c cluster) present() (names []string) {
	if c.single() {
		return nil
	}
	names = []string{c.Leader}
	for _, r := range c.Replicas {
		if !r.Offline && r.Active > 0 && r.Active <= silence {
			names = append(names, r.Name)
		}
	}
	return names
}

// heard refuses the answer of a leader that is cut off. 0 is how the server tells that it has never heard of another
// one; of those that elected it, it has.
func (c cluster) heard() error {
	if servers := len(c.Replicas) + 1; servers > 1 && len(c.present()) <= servers/2 {
		return ErrNoMajority
	}
	return nil
}
