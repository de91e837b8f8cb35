// Package export writes clients out of the stream of events, for the subcommand export.
//
//	snapshot and stream ──> readmodel.Model ──List──────────> XML or JSON, as GET /clients
//	                                └────────timeline.Versions ──> JSON, as GET /clients/{id}/history, or CSV
//
// A list has the state when the stream was opened, or at an earlier time: then the stream is folded from its first event to
// the last one of that second, without a snapshot. A history has the times of the read model, for which the read model is
// folded first. It is written while it is read, so that a long history takes no more memory.
//
// An output file is removed if there was an error.
package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/history"
	"clients/projections/readmodel"
	"clients/projections/snapshot"
	"clients/projections/timeline"
	"clients/transport"
	"clients/transport/lists"
	"clients/transport/wire"

	"github.com/nats-io/nats.go"
)

// Options are what is exported, and how.
type Options struct {
	Account string
	AsOf    *time.Time // the list as of the end of that second; nil for the present
	Client  int64      // the history of this client instead of the list, if above 0
	JSON    bool
	Output  string // a file that does not exist yet; "-" for the standard output
}

// Run exports, and reports progress and a summary to report.
func Run(ctx context.Context, nc *nats.Conn, o Options, stdout, report io.Writer) error {
	h, err := natsconn.OpenHistory(ctx, nc)
	if err != nil {
		return err
	}
	model, err := replay(ctx, nc, h, o.AsOf, report)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	var summary string
	switch {
	case o.Client > 0:
		summary, err = o.history(ctx, replayed{h, model}, stdout)
	case o.AsOf != nil && o.AsOf.After(time.Now()) && o.AsOf.After(model.Clock):
		err = errors.New("the time is in the future")
	default:
		listing := model.List(o.Account)
		summary = domain.Counted(listing.Len, "client")
		encoding := wire.XML
		if o.JSON {
			encoding = wire.JSON
		}
		err = o.write(stdout, func(w io.Writer) error { return lists.Write(w, listing, encoding) })
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	_, err = fmt.Fprintf(report, "%s, as of sequence %d\n", summary, model.Sequence)
	return err
}

// replay folds the stream up to the present, or up to the end of a second.
func replay(ctx context.Context, nc *nats.Conn, h *history.History, asOf *time.Time, report io.Writer) (*readmodel.Model, error) {
	bar := terminal.NewProgress(report, h.Last, "messages")
	defer bar.Clear()
	var before *time.Time
	if asOf != nil {
		before = new(asOf.Truncate(time.Second).Add(time.Second))
	}
	return snapshot.Replay(ctx, natsconn.Snapshots(nc), h, before, bar.Set)
}

// history writes the history of a client.
func (o Options) history(ctx context.Context, r replayed, stdout io.Writer) (summary string, err error) {
	line := timeline.New(r, r)
	events := 0
	versions := func(yield func(timeline.Version, error) bool) {
		for v, err := range line.Versions(ctx, o.Account, o.Client) {
			if events++; !yield(v, err) {
				return
			}
		}
		if events == 0 {
			yield(timeline.Version{}, fmt.Errorf("account %s never had a client %d", o.Account, o.Client))
		}
	}
	err = o.write(stdout, func(w io.Writer) error { return transport.WriteHistory(w, versions, o.JSON) })
	return domain.Counted(events, "event"), err
}

// write passes the output to content, and ends JSON with a line break.
func (o Options) write(stdout io.Writer, content func(io.Writer) error) (err error) {
	out := stdout
	if o.Output != "-" {
		file, failed := os.OpenFile(o.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if failed != nil {
			return failed
		}
		defer func() {
			if err = errors.Join(err, file.Close()); err != nil {
				_ = os.Remove(o.Output)
			}
		}()
		out = file
	}
	buffered := bufio.NewWriter(out)
	err = content(buffered)
	if o.JSON && err == nil {
		err = buffered.WriteByte('\n')
	}
	if flushed := buffered.Flush(); err == nil { // else it may be the same error
		err = flushed
	}
	return err
}

// replayed is what a timeline is made of: a history, and the model that was folded from it.
type replayed struct {
	log *history.History
	*readmodel.Model
}

// Messages returns the messages of one client up to the end of the history.
func (r replayed) Messages(ctx context.Context, account string, id int64, _, _ uint64) iter.Seq2[eventstore.Record, error] {
	return r.log.RecordsOf(ctx, account, id)
}

// State returns nothing: Messages does not need it.
func (replayed) State(string, int64) domain.State { return domain.State{} }

// Sequence returns the end of the history.
func (r replayed) Sequence() uint64 { return r.log.Last }
