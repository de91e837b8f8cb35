package importer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"clients/cmd/clients/internal/terminal"
	"clients/domain"

	"golang.org/x/sync/errgroup"
)

// Config says where and how to import.
type Config struct {
	URL            string // of the API, as ParseURL returns it
	User, Password string // empty without login
	TLS            *tls.Config
	Callers        int    // requests at once
	Journal        string // path
	Out, Err       io.Writer
}

// ParseURL returns the URL of a service in the form in which journals compare it.
func ParseURL(value string) (string, error) {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("must be a URL such as http://127.0.0.1:8080")
	case u.User != nil:
		return "", errors.New("must not contain a login; use CLIENTS_IMPORT_LOGIN")
	}
	host := strings.TrimSuffix(strings.ToLower(u.Host), map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
	return (&url.URL{Scheme: u.Scheme, Host: host, Path: strings.TrimRight(u.Path, "/")}).String(), nil
}

// importer is one import under way.
type importer struct {
	config  Config
	api     *api
	journal *journal
	bar     *terminal.Progress
	deleted map[int64]bool // ids of the journal that the service does not have

	mu       sync.Mutex // guards what follows, and writing the journal
	rejected []rejectedClient
	created  []journalEntry
	known    int
}

// rejectedClient is why the client at a line was not created.
type rejectedClient struct {
	line   int
	reason string
}

// Run imports a list. At the end it writes a line to config.Out for each client that is not there, in the order of the list,
// and a summary to config.Err. The error is nil if all clients of the list are there.
func Run(ctx context.Context, config Config, list []byte) error {
	journal, err := openJournal(config.Journal, config.URL, config.User)
	if err != nil {
		return err
	}
	defer journal.close()
	i := &importer{config: config, journal: journal, bar: terminal.NewProgress(config.Err, uint64(len(list)), "bytes")}
	i.api = newAPI(config, func(line string) {
		i.bar.Clear()
		fmt.Fprintln(config.Err, line)
	})
	err = errors.Join(i.run(ctx, list), i.summary())
	switch {
	case ctx.Err() != nil:
		return terminal.WithHint(errors.New("interrupted"), "run it again to continue")
	case err != nil:
		return err
	case len(i.rejected) > 0:
		return fmt.Errorf("%s rejected", domain.Counted(len(i.rejected), "client"))
	}
	return nil
}

func (i *importer) run(ctx context.Context, list []byte) error {
	if err := i.compare(ctx); err != nil {
		return err
	}
	err := i.send(ctx, list)
	if err != nil && !errors.As(err, new(*listError)) {
		return err
	}
	return errors.Join(terminal.WithHint(err, "correct the list and run it again"), i.confirm(ctx))
}

// send creates the clients of the list, Callers at once.
func (i *importer) send(ctx context.Context, list []byte) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(i.config.Callers)
	equal := make(map[string]int)
	err := readList(list, i.bar, func(r record) error {
		r.key = r.digest()
		if equal[r.key]++; equal[r.key] > 1 {
			r.key = fmt.Sprintf("%s-%d", r.key, equal[r.key])
		}
		group.Go(func() error { return i.create(ctx, r) })
		return ctx.Err()
	})
	if failed := group.Wait(); failed != nil {
		return failed
	}
	return err
}

// create creates the client of a record unless an earlier run has done so.
func (i *importer) create(ctx context.Context, r record) error {
	entry, found := i.journal.entries[r.key]
	changed, isChanged := i.journal.changed(r)
	var id int64
	var rejected string
	var err error
	switch {
	case found && i.deleted[entry.ID]:
		rejected = deletedSince(entry)
	case !found && isChanged:
		rejected = fmt.Sprintf("imported before as client %d, and changed in the list since", changed.ID)
	case !found:
		id, rejected, err = i.api.create(ctx, r)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case err != nil:
		return err
	case rejected != "":
		i.rejected = append(i.rejected, rejectedClient{r.line, rejected})
		return nil
	case found:
		i.known++
		return nil
	}
	entry = journalEntry{Client: r.key, Line: r.line, OldID: r.oldID, ID: id}
	i.created = append(i.created, entry)
	return i.journal.write(entry)
}

func deletedSince(entry journalEntry) string {
	return fmt.Sprintf("imported before as client %d, which has been deleted since", entry.ID)
}

// compare finds what of the journal the service does not have.
func (i *importer) compare(ctx context.Context) (err error) {
	known := slices.Collect(maps.Values(i.journal.entries))
	if i.deleted, err = i.missing(ctx, known); err != nil {
		return err
	}
	if len(known) > 0 && len(i.deleted) == len(known) {
		err := fmt.Errorf("%s has none of the %s that the journal names", i.config.URL, domain.Counted(len(known), "client"))
		return terminal.WithHint(err, "check --url and the login; to import everything again use another --journal, a day after the import")
	}
	return nil
}

// confirm reports the clients that this run has not created although the service said so: with a new journal, the response
// to a repeated Idempotency-Key may be about a client that was deleted since.
func (i *importer) confirm(ctx context.Context) error {
	deleted, err := i.missing(ctx, i.created)
	i.created = slices.DeleteFunc(i.created, func(entry journalEntry) bool {
		if deleted[entry.ID] {
			i.rejected = append(i.rejected, rejectedClient{entry.Line, deletedSince(entry)})
		}
		return deleted[entry.ID]
	})
	return err
}

// missing returns the ids of entries that the service does not have. It looks twice, since an eventual read may be
// behind.
func (i *importer) missing(ctx context.Context, entries []journalEntry) (map[int64]bool, error) {
	ids := make(map[int64]bool, len(entries))
	for _, entry := range entries {
		ids[entry.ID] = true
	}
	for attempt := 0; len(ids) > 0 && attempt < 2; attempt++ {
		if attempt > 0 {
			time.Sleep(time.Second)
		}
		if err := i.api.list(ctx, func(id int64) { delete(ids, id) }); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// summary reports what was rejected, and how many clients were not.
func (i *importer) summary() error {
	i.bar.Clear()
	slices.SortFunc(i.rejected, func(a, b rejectedClient) int { return a.line - b.line })
	for _, r := range i.rejected {
		if _, err := fmt.Fprintf(i.config.Out, "line %d: %s\n", r.line, terminal.Printable(r.reason)); err != nil {
			return err
		}
	}
	fmt.Fprintf(i.config.Err, "%d created, %d already imported, %d rejected\n", len(i.created), i.known, len(i.rejected))
	return nil
}
