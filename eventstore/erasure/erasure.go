// Package erasure removes everything that is stored about a deleted client, for the subcommand erase, and single messages that
// stop the service, for the subcommand skip. It needs a connection of the administrator.
//
//	Erase ── intent: ClientErased and a Removal, as one atomic batch ──→ CLIENTS
//	      └─ complete ── delete the stream of the snapshots
//	                  ├─ overwrite the client's messages in CLIENTS, the newest first
//	                  ├─ overwrite its dead letters in CLIENTS_QUARANTINE
//	                  ├─ on several servers: fill the Raft logs, and wait until all of them are cut
//	                  └─ Removal that is done ──→ CLIENTS
//	Resume ── complete what was interrupted
//	Skip ── dead letter, Removal, overwrite one message
//
// The intent is stored first, so that nothing else is needed to complete an erasure, and the service accepts the gaps wherever it
// was interrupted. A message is overwritten by JetStream's secure delete. That is not atomic: a server that is killed in the middle
// may have the text on its disk and no way left to overwrite it. A server that was away may keep the text, too: the others tell it
// which messages are deleted, but not to overwrite them. Hence
//   - an embedded server repairs its files before each start, see package embedded;
//   - on other servers an erasure begins only while all replicas are current. It records the id of each server, which changes when
//     the server is started again, and which servers are away. It is not done while a server has another id or was away: the
//     store of that server has to be rebuilt from the others first, and the caller names it to Erase as rebuilt. After a restore
//     the record no longer counts: the stream has another epoch, and its files are new.
//
// The Raft log of each replica holds the messages as well. Each server cuts its log by itself every two to three minutes, but not
// the file that it is writing, of up to 4 MiB. So the erasure first fills that file, with deletions of a message that does not
// exist, and then waits for as long as a server may take to cut its log. It does so for each stream that may have held a text,
// even if it finds none there: an earlier call may have overwritten it.
//
// Two things go unnoticed:
//   - a server that was cut off from the others, without being started again, from some seconds before the caller was killed until
//     the logs of the others were cut, with no call meanwhile;
//   - a server that was cut off for less than five seconds (silence) while messages were overwritten, if the leader cut its log in that time, as it
//     does every two to three minutes and after 8 MiB. The server then learns only which messages are deleted.
package erasure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/deadletter"
	"clients/eventstore/internal/jsapi"
	"clients/eventstore/snapshotstore"

	"github.com/nats-io/nats.go"
)

// Errors of Erase and Skip.
var (
	// ErrDenyDelete reports that the stream was created by an earlier release, so that nothing can be deleted from it.
	ErrDenyDelete = errors.New("the stream " + eventstore.Stream + " was created with deny_delete, which cannot be switched off")
	// ErrExists reports that a client was not deleted.
	ErrExists = errors.New("exists: delete it first")
	// ErrUnknown reports that there never was such a client.
	ErrUnknown = errors.New("never existed")
	// ErrInOrder reports that the service does not stop at a message. The error that wraps it says why.
	ErrInOrder = errors.New("the service does not stop at the message")
	// ErrNoMessage reports that the stream has no message with a sequence.
	ErrNoMessage = errors.New("the stream " + eventstore.Stream + " has no such message")
	// ErrKept reports that a message is skipped, and still stored because a server is away, which would keep it for good.
	ErrKept = errors.New("the service continues without the message, but it stays in the stream while NATS servers are not current")
	// ErrTooLarge reports that a message cannot be copied to the dead letters.
	ErrTooLarge = errors.New("the message is too large for the quarantine")
)

// Config configures an Eraser.
type Config struct {
	Embedded bool              // the caller has started an embedded server, which has repaired its files
	LogWait  time.Duration     // until each server has cut its Raft logs; see LogWait. 0: they keep the texts
	Progress func(what string) // of Erase, EraseAnyway and Resume

	// NewFold returns a function for the messages of one client, in their order: see readmodel.Model. Resume needs none.
	NewFold func() Fold
	// ClientOf returns the client that a dead letter of another service is about: see ingest.ClientOf. The id is 0 if it is about none.
	ClientOf func(deadletter.Letter) (account string, id int64)
}

// Fold folds a message as the service does, and sets its Foreign. It returns an error for one that stops the service.
type Fold func(*eventstore.Record) error

// LogWait is how long a server takes to cut the Raft log of a stream at most: 3 minutes, and what it takes to do it.
const LogWait = 3*time.Minute + 30*time.Second

// Client is a client to be erased.
type Client struct {
	Account string `json:"account"`
	ID      int64  `json:"id"`
}

func (c Client) String() string { return fmt.Sprintf("client %d of account %s", c.ID, c.Account) }

// Eraser erases on one NATS system.
type Eraser struct {
	cluster
	letters   *deadletter.Store
	snapshots *snapshotstore.Bucket
	removals  eventstore.Removals
	epoch     string    // of the stream of events
	watched   time.Time // when watch last looked for servers that are away
}

// New returns an Eraser for a connection.
func New(nc *nats.Conn, config Config) *Eraser {
	return &Eraser{
		cluster: cluster{config, nc, jsapi.New(nc)}, letters: deadletter.New(nc), snapshots: snapshotstore.New(nc, snapshotstore.Config{}),
	}
}

// Erase erases clients. What it returns nil for is complete: nothing of the texts of the clients is in the files of the servers.
// Any other call can be repeated. rebuilt are the names of servers whose stores were made again, see the package.
//
// Errors: ErrDenyDelete, ErrExists, ErrUnknown; a *AwayError for servers that may have kept something; that of a request.
func (e *Eraser) Erase(ctx context.Context, rebuilt []string, clients ...Client) error {
	return e.erase(ctx, rebuilt, clients, nil)
}

// EraseAnyway does what Erase does, also to clients that exist, or that never existed: their ids are not given out any more. It
// refuses a client that was not created when the erased one was, which is another one with its id.
func (e *Eraser) EraseAnyway(ctx context.Context, list ...Erased) error {
	var clients []Client
	created := make(map[Client]time.Time)
	for _, erased := range list {
		clients = append(clients, erased.Client)
		created[erased.Client] = erased.CreatedAt
	}
	return e.erase(ctx, nil, clients, created)
}

// Unfinished returns the clients whose erasure has begun and is not complete.
func (e *Eraser) Unfinished(ctx context.Context) (clients []Client, err error) {
	err = e.removals.Read(ctx, e.api)
	for _, begun := range e.removals.Unfinished() {
		clients = append(clients, Client{begun.Removal.Account, begun.Removal.ClientID})
	}
	return clients, err
}

// Erased returns what a list says of a client that Erase has erased.
func (e *Eraser) Erased(c Client) Erased {
	return Erased{Client: c, CreatedAt: e.removals.First(c.Account, c.ID), ErasedAt: time.Now().UTC()}
}

// erase erases clients that were deleted, or any, if it is given when each was created.
func (e *Eraser) erase(ctx context.Context, rebuilt []string, clients []Client, created map[Client]time.Time) error {
	ids, err := e.begin(ctx, rebuilt, clients)
	if err != nil {
		return err
	}
	for _, c := range clients {
		err := e.intend(ctx, c, ids, created)
		for errors.Is(err, domain.ErrConflict) && ctx.Err() == nil { // with another call, or a publisher
			err = e.intend(ctx, c, ids, created)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
	}
	return e.complete(ctx, clients)
}

// Resume completes erasures that were interrupted, on an embedded server.
func (e *Eraser) Resume(ctx context.Context) error {
	clients, err := e.Unfinished(ctx)
	if err != nil {
		return err
	}
	return e.complete(ctx, clients)
}
