package transport

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"clients/domain"
	"clients/projections/feed"
	"clients/transport/sse"

	"github.com/klauspost/compress/gzhttp"
)

// Times of a feed.
const (
	feedCheck  = 3 * time.Second // how often the login is checked
	checksLeft = 5               // checks between two comments: 15 s
)

// getFeed is GET /clients/feed: the events of the account as they happen, as server-sent events. It ends with its caller, with
// the caller's access, with the epoch that its ids have, and with the server.
func (a *API) getFeed(w *response, r *request) error {
	after, epoch, err := feedPosition(a, r)
	if err != nil {
		return err
	}
	w.Header().Set(gzhttp.HeaderNoCompression, "1")
	if r.Method == http.MethodHead {
		sse.Begin(w)
		return nil
	}
	if err := a.openFeeds.Open(r.caller()); err != nil {
		return err
	}
	defer a.openFeeds.Close(r.caller())
	if err := w.reserved.reserve(a.feeds, feedCost); err != nil {
		return err
	}
	reader := a.Feeds.Open(r.account, after)
	defer reader.Close()
	var reading reservations // while the stream is read
	defer reading.release()
	if reader.Behind() {
		if err := reading.reserve(a.catchUps, streamCost); err != nil {
			return err
		}
	}
	ctx, cancel := reader.Context(r.Context())
	defer cancel()
	f := &openFeed{Reader: reader, api: a, request: r, epoch: epoch, out: sse.Begin(w), check: time.NewTicker(feedCheck)}
	defer f.check.Stop()
	err = f.catchUp(ctx)
	reading.release()
	for err == nil {
		err = f.follow(ctx)
	}
	f.ended(ctx, err)
	return nil
}

// feedPosition returns the sequence behind which a feed begins: that of the header Last-Event-ID, else of the parameter after,
// else the present one; and the epoch that it belongs to. A browser that reconnects sends both.
func feedPosition(a *API, r *request) (after uint64, epoch string, err error) {
	query, err := r.query()
	if err != nil {
		return 0, "", err
	}
	given := r.Header.Get("Last-Event-ID")
	if given == "" {
		if !query.Has("after") {
			epoch = a.Epoch() // first: a feed ends whose epoch is not that of its position
			return a.Feeds.Reached(), epoch, nil
		}
		given = query.Get("after")
	}
	number, known, withEpoch := strings.Cut(given, "-")
	after, err = strconv.ParseUint(number, 10, 64)
	if err != nil || after > math.MaxInt64 || withEpoch && known == "" {
		return 0, "", errPosition
	}
	ctx, cancel := context.WithTimeout(r.Context(), freshness)
	defer cancel()
	stale := a.Directory.Refresh(ctx) // another replica may be ahead, and the epoch may be another one by now
	epoch = a.Epoch()
	switch {
	case withEpoch && known != epoch:
		return 0, "", errPositionGone
	case after <= a.Feeds.Reached():
		return after, epoch, nil
	case stale != nil:
		return 0, "", domain.NoStore(stale)
	}
	return 0, "", errPositionGone
}

// openFeed is a feed whose response has begun.
type openFeed struct {
	*feed.Reader
	api     *API
	request *request
	epoch   string // of all ids
	out     *sse.Stream
	check   *time.Ticker
	checks  int
}

// errNotAdmitted ends a feed whose user was removed or has another password by now, or whose epoch has ended.
var errNotAdmitted = errors.New("the feed is not admitted any longer")

// catchUp sends the position, so that a reader that reconnects before it has got an event misses none, and then the events
// that have to be read from the stream.
func (f *openFeed) catchUp(ctx context.Context) error {
	if err := f.sendPosition(); err != nil {
		return err
	}
	for event, err := range f.CatchUp(ctx) {
		if err != nil {
			return err
		}
		if err := f.send(ctx, event); err != nil {
			return err
		}
	}
	return f.out.Flush()
}

// follow sends the next events, or waits until there may be some.
func (f *openFeed) follow(ctx context.Context) error {
	events, changed, err := f.Take()
	if err != nil {
		return err
	}
	for _, event := range events {
		if err := f.send(ctx, event); err != nil {
			return err
		}
	}
	if len(events) > 0 {
		return f.out.Flush()
	}
	select {
	case <-changed:
		return nil
	case <-f.check.C:
		if f.checks++; f.checks%checksLeft == 0 {
			return errors.Join(f.admitted(), f.sendPosition())
		}
		return f.admitted()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *openFeed) send(ctx context.Context, event *feed.Event) error {
	if err := errors.Join(ctx.Err(), f.admitted()); err != nil {
		return err
	}
	data, err := event.Encoded()
	if err != nil {
		return err
	}
	return f.out.Event(f.id(event.Sequence), event.Type, data)
}

func (f *openFeed) sendPosition() error {
	if err := f.out.Position(f.id(f.Position())); err != nil {
		return err
	}
	return f.out.Flush()
}

func (f *openFeed) id(sequence uint64) string { return fmt.Sprintf("%d-%s", sequence, f.epoch) }

// admitted returns nil or errNotAdmitted.
func (f *openFeed) admitted() error {
	if f.api.Epoch() != f.epoch || f.api.login != nil && !f.api.login.Holds(f.request.user) {
		return errNotAdmitted
	}
	return nil
}

// ended counts a feed that its reader was too slow for, and logs one that could not go on.
func (f *openFeed) ended(ctx context.Context, err error) {
	attributes := []any{"request_id", f.request.id, "account", f.request.account, "actor", f.request.actor, "error", err}
	switch {
	case errors.Is(err, feed.ErrSlow), errors.Is(err, os.ErrDeadlineExceeded):
		f.api.Metrics.slowFeeds.Inc()
		f.api.Log.Info("feed ended, reader too slow", attributes...)
	case ctx.Err() == nil && !errors.Is(err, errNotAdmitted): // nor has the connection ended, which cancels ctx
		f.api.Log.Warn("feed ended", attributes...)
	}
}
