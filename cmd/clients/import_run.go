package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"clients/cmd/clients/internal/terminal"
)

// importer makes the clients of one list.
type importer struct {
	callers int
	service *importService
	journal *journal
	out     io.Writer
	err     io.Writer
	bar     *terminal.Progress
	gone    map[int64]bool // ids that the journal has and the service has not

	mu                   sync.Mutex // of what follows, and of out, err and bar
	made                 []journalLine
	known, refused, lost int
	told                 map[int]string // what is told of clients that others come before; "" of those that are there
	settled              int            // the position up to which all is told
}

// run sends the clients of the list, some at once, until all are sent or nobody answers any more.
func (i *importer) run(ctx context.Context, list io.Reader) error {
	if err := i.compare(ctx); err != nil {
		return err
	}
	err := i.send(ctx, list)
	i.tellRest()
	if err != nil && !errors.Is(err, errList) {
		return err
	}
	return errors.Join(err, i.confirm(ctx))
}

// send hands the clients of the list to callers.
func (i *importer) send(ctx context.Context, list io.Reader) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	items := make(chan listedClient)
	var callers sync.WaitGroup
	for range i.callers {
		callers.Go(func() {
			for item := range items {
				if err := i.make(ctx, item); err != nil {
					cancel(err)
				}
			}
		})
	}
	occurrences := make(map[string]int)
	err := readList(i.bar.Reader(list), func(item listedClient) error {
		if item.fault != "" {
			return i.settle(item, item.fault)
		}
		item.key = item.digest()
		if occurrences[item.key]++; occurrences[item.key] > 1 {
			item.key = fmt.Sprintf("%s-%d", item.key, occurrences[item.key])
		}
		if done, refusal := i.before(item); done {
			return i.settle(item, refusal)
		}
		select {
		case items <- item:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(items)
	callers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// before tells whether nothing is to be done for a client, since an earlier run has made it, and what is to be told then.
func (i *importer) before(item listedClient) (done bool, refusal string) {
	line, found := i.journal.done[item.key]
	switch {
	case found && i.gone[line.ID]:
		return true, fmt.Sprintf("it had become client %d, which has been deleted since: it is not made again", line.ID)
	case found:
		i.mu.Lock()
		i.known++
		i.mu.Unlock()
		return true, ""
	}
	if line, found = i.journal.changed(item); found {
		return true, fmt.Sprintf("it has become client %d, and has changed in the list since: it is not made again", line.ID)
	}
	return false, ""
}

// make has the service make a client, and notes it.
func (i *importer) make(ctx context.Context, item listedClient) error {
	id, refusal, err := i.service.create(ctx, item)
	if err != nil {
		return err
	}
	if refusal != "" {
		return i.settle(item, refusal)
	}
	line := journalLine{Client: item.key, Line: item.line, OldID: item.oldID(), ID: id}
	i.mu.Lock()
	err = i.journal.note(line)
	i.made = append(i.made, line)
	if item.defaults {
		i.lost++
	}
	i.mu.Unlock()
	return errors.Join(err, i.settle(item, ""))
}

// compare holds the journal against what the service has.
func (i *importer) compare(ctx context.Context) (err error) {
	noted := slices.Collect(maps.Values(i.journal.done))
	if i.gone, err = i.missing(ctx, noted); err != nil {
		return err
	}
	if len(i.gone) > 0 && len(i.gone) == len(noted) {
		return fmt.Errorf("the journal tells of %d clients that were made, and %s has none of them: is it the same service and account? "+
			"To import everything anew, name another journal by --journal", len(noted), i.service.base)
	}
	return nil
}

// confirm looks whether all that was made is there: what the service was asked for once before, with the same key, may
// have been deleted since.
func (i *importer) confirm(ctx context.Context) error {
	gone, err := i.missing(ctx, i.made)
	if err != nil {
		return err
	}
	slices.SortFunc(i.made, func(a, b journalLine) int { return a.Line - b.Line })
	i.made = slices.DeleteFunc(i.made, func(line journalLine) bool {
		if gone[line.ID] {
			i.refused++
			i.bar.Clear()
			_, writing := fmt.Fprintf(i.out, "line %d: it had become client %d, which has been deleted since: it is not made again\n", line.Line, line.ID)
			err = errors.Join(err, writing)
		}
		return gone[line.ID]
	})
	return err
}

// missing are the ids among those of some lines that the service does not have.
func (i *importer) missing(ctx context.Context, lines []journalLine) (map[int64]bool, error) {
	wanted := make(map[int64]bool, len(lines))
	for _, line := range lines {
		wanted[line.ID] = true
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	return wanted, i.service.strike(ctx, wanted)
}
