package workload

import (
	"net/http"
	"slices"
	"time"
)

// Evidence is information about the service in addition to its responses.
type Evidence struct {
	// Stored is the number of events that each request led to, by its name; nil if the stream cannot be read.
	Stored map[string]int
	// Reads that were under way between From and To and are stale by less than Stale are excused: a leader may not have
	// detected yet that it was replaced.
	From, To, Stale time.Duration
}

// Check compares the history of a load that has ended with the rules, and returns what violates them. It reads the list of
// all clients once more.
func (l *Load) Check(e Evidence) []string {
	l.excuse(e)
	if listed, err := l.list(); err != nil {
		l.fault("%v", err)
	} else {
		l.compare(listed)
	}
	clients := map[string][]Operation{}
	for _, o := range l.history {
		without := !o.Known() && (o.Kind == Get || e.Stored != nil && e.Stored[o.Request] == 0) // an effect
		if !o.Warned && !without && o.Client != "" {
			clients[o.Client] = append(clients[o.Client], o)
		}
		l.compareStored(o, e.Stored)
	}
	for path, operations := range clients {
		if misfits := linearizable(operations); misfits != "" {
			l.fault("%s is not linearizable, of %d operations: %s", path, len(operations), misfits)
		}
	}
	return l.faults
}

// compareStored compares an operation with the stream.
func (l *Load) compareStored(o Operation, stored map[string]int) {
	events := stored[o.Request]
	switch {
	case stored == nil, o.Kind == Get:
	case events > 1, o.Done() && events == 0:
		l.fault("%d events of %+v", events, o)
	case o.Known() && !o.Done() && events > 0:
		l.fault("an event of what was refused: %+v", o)
	}
}

// compare treats a list of all clients as a read of each that is known, and looks for those that no caller created.
func (l *Load) compare(listed map[string]State) {
	now := l.Elapsed()
	known, unknown := map[string]bool{}, map[string]bool{}
	for _, o := range l.history {
		switch {
		case o.Client != "":
			known[o.Client] = true
		case o.Kind == Create && !o.Known():
			unknown[o.Request] = true
		}
	}
	for path := range known {
		state, exists := listed[path]
		read := Operation{Kind: Get, Client: path, Caller: -1, Called: now, Ended: now + 1, Status: http.StatusNotFound}
		if exists {
			read.Status, read.Seen = http.StatusOK, state
		}
		l.history = append(l.history, read)
		delete(listed, path)
	}
	for path, state := range listed {
		switch {
		case l.before[path]:
		case unknown[state.Name]:
			delete(unknown, state.Name) // once
		default:
			l.fault("no caller created %s: %+v", path, state)
		}
	}
}

// excuse removes the stale reads that are excused from the history.
func (l *Load) excuse(e Evidence) {
	l.history = slices.DeleteFunc(slices.Clone(l.history), func(o Operation) bool {
		if o.Ended < e.From || o.Called > e.To {
			return false
		}
		by := l.staleBy(o)
		if by == 0 || by >= e.Stale {
			return false
		}
		l.excused = append(l.excused, by)
		return true
	})
}

// staleBy returns how long the oldest change that a read lacks had been acknowledged when it was sent.
func (l *Load) staleBy(read Operation) (worst time.Duration) {
	if read.Kind != Get || read.Status != http.StatusOK || read.Warned {
		return 0
	}
	for _, o := range l.history {
		change := o.Client == read.Client && o.Kind != Get && o.Done() && o.Ended < read.Called
		if change && versionOf(o.Tag) > read.Seen.CacheVersion+1 {
			worst = max(worst, read.Called-o.Ended)
		}
	}
	return worst
}
