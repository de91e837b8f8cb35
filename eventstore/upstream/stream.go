package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Stream is a stream of another service.
type Stream struct {
	Name   string
	Filter string // the subjects that are read
}

// The streams that are read.
var (
	Projects = Stream{Name: "PROJECTS", Filter: "projects.>"}
	Invoices = Stream{Name: "INVOICES", Filter: "invoices.>"}
)

// Streams returns all streams that are read.
func Streams() []Stream { return []Stream{Projects, Invoices} }

var (
	// ErrMissing reports that a stream does not exist, or that it does not receive the subjects that are read: events may
	// then be acknowledged by another stream.
	ErrMissing = errors.New("the stream does not exist")
	// ErrRecreated reports that a stream was deleted and created again during the call.
	ErrRecreated = errors.New("the stream was created again")
)

// Client sends requests about the streams of other services. It is safe for concurrent use.
type Client struct{ api *jsapi.Client }

// New returns a client for a connection.
func New(nc *nats.Conn) *Client { return &Client{jsapi.New(nc)} }

// otherSubjects is an ErrMissing of a stream that exists.
type otherSubjects struct{ received, needed string }

func (e otherSubjects) Error() string {
	return fmt.Sprintf("it receives %s and not %s", e.received, e.needed)
}
func (e otherSubjects) Is(other error) bool { return other == ErrMissing }

// State is how far a stream goes.
type State struct {
	Created time.Time // of the stream
	First   uint64    // sequence of the oldest message that is left; Last+1 if there is none
	Last    uint64    // sequence of the newest message that there ever was
	// FirstStored and LastStored are when the messages at First and Last were stored. FirstStored is zero if no message is
	// left. LastStored is a later time if the message at Last is gone.
	FirstStored, LastStored time.Time
	Delivers                bool // a consumer gets each message at once: the stream has one replica, and only subjects that are read
}

// State returns the state of a stream from its leader. What was acknowledged to a publisher before the call is at or below
// Last. The error is ErrMissing, or jsapi.ErrNoQuorum if the leader cannot know what was acknowledged.
func (c *Client) State(ctx context.Context, stream Stream) (State, error) {
	info, err := c.api.StreamInfo(ctx, stream.Name)
	if err != nil {
		return State{}, streamError(stream, err)
	}
	if err := stream.check(info); err != nil {
		return State{}, err
	}
	return State{
		Created: info.Created, First: info.State.First, Last: info.State.Last,
		FirstStored: info.State.FirstTime, LastStored: info.State.LastTime,
		Delivers: info.Config.Replicas == 1 && stream.storesNothingElse(info),
	}, nil
}

// check returns an error if a stream stores none of the messages that are read, or stores them under other subjects.
func (s Stream) check(info jsapi.StreamInfo) error {
	transform, subjects := info.Config.Transform, slices.Clone(info.Config.Subjects)
	for _, copied := range info.Config.Sources {
		subjects = append(subjects, copiedSubjects(copied)...)
	}
	if len(info.Config.Sources) > 0 && transform.Destination != "" {
		subjects = append(subjects, transform.Destination)
	}
	if info.Config.Mirror != nil {
		subjects = append(subjects, copiedSubjects(*info.Config.Mirror)...)
	}
	if !slices.ContainsFunc(subjects, s.receives) {
		return fmt.Errorf("stream %s: %w", s.Name, otherSubjects{strings.Join(subjects, ", "), s.Filter})
	}
	if transform.Destination != "" && s.receives(cmp.Or(transform.Source, ">")) && !s.receives(transform.Destination) {
		return fmt.Errorf("stream %s: %w", s.Name, otherSubjects{transform.Destination, s.Filter})
	}
	return nil
}

// storesNothingElse reports whether all messages of a stream are read. It reports false for a stream that copies or renames any.
func (s Stream) storesNothingElse(info jsapi.StreamInfo) bool {
	other := func(subject string) bool { return !strings.HasPrefix(subject, strings.TrimSuffix(s.Filter, ">")) }
	c := info.Config
	return !slices.ContainsFunc(c.Subjects, other) && len(c.Sources) == 0 && c.Mirror == nil && c.Transform.Destination == ""
}

// copiedSubjects returns the subjects under which a stream stores what it copies from another one.
func copiedSubjects(copied jsapi.Copied) (subjects []string) {
	for _, t := range copied.Transforms {
		subjects = append(subjects, cmp.Or(t.Destination, t.Source))
	}
	if subjects == nil {
		return []string{cmp.Or(copied.Filter, ">")}
	}
	return subjects
}

// receives reports whether some of the messages on a subject, which may have wildcards, are read.
func (s Stream) receives(subject string) bool {
	return strings.HasPrefix(subject, strings.TrimSuffix(s.Filter, ">")) || subject == ">" || strings.HasPrefix(subject, "*.")
}

// Message is a message of a stream as its service published it.
type Message struct {
	Stream     string
	Created    time.Time // of the stream
	Sequence   uint64
	Generation int // see domain.Position
	// Previous is the sequence of the message before this one in the order of reading, or where reading started.
	Previous uint64
	StoredAt time.Time // if Gone, a time by which it was stored; zero if unknown
	Subject  string
	Header   nats.Header
	Data     []byte
	// Gone reports that this stands for deleted messages: the stream has none after Previous up to this sequence.
	Gone bool
}

// Message returns the first message that is read at or behind a sequence, from the stream's leader, without what is known of
// the stream. If there is none the error is jetstream.ErrMsgNotFound.
func (c *Client) Message(ctx context.Context, stream Stream, sequence uint64) (Message, error) {
	m, err := c.api.Message(ctx, stream.Name, jsapi.Query{Sequence: sequence, NextBySubject: stream.Filter})
	if err != nil {
		return Message{}, streamError(stream, err)
	}
	return Message{Sequence: m.Sequence, StoredAt: m.Time, Subject: m.Subject, Header: m.Header(), Data: m.Data}, nil
}

func streamError(stream Stream, err error) error {
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("stream %s: %w", stream.Name, ErrMissing)
	}
	return fmt.Errorf("stream %s: %w", stream.Name, err)
}
