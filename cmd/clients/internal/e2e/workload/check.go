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
	// Stale reads that were under way between From and To are excused: a leader may not have detected yet that it was replaced.
	From, To time.Duration
}

// Check compares the history of a load that has ended with the rules, and returns what violates them. It reads the list of
// all clients once more.
func (l *Load) Check(e Evidence) []string {
	l.markStale(e)
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
	known, unknown, keyed := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, o := range l.history {
		switch {
		case o.Client != "":
			known[o.Client] = true
		case o.Kind == Create && !o.Known():
			unknown[o.Request] = true
		}
		keyed[o.Request] = keyed[o.Request] || o.Kind == Create && o.Keyed
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
		case keyed[state.Name]:
			l.fault("%s was created twice with one key: %+v", path, state)
		default:
			l.fault("no caller created %s: %+v", path, state)
		}
	}
}

// Staleness describes the age of reads without a Warning.
type Staleness struct {
	Reads int
	Worst time.Duration // from the response to the first change that a read lacks to its request
}

// Staleness returns that of the whole history.
func (l *Load) Staleness() (s Staleness) {
	changes := changesOf(l.history)
	for _, o := range l.history {
		if by := lacks(o, changes[o.Client]); by > 0 {
			s.Reads++
			s.Worst = max(s.Worst, by)
		}
	}
	return s
}

// change is an operation whose response had a version.
type change struct {
	acknowledged time.Duration
	version      uint64
}

func changesOf(history []Operation) map[string][]change {
	changes := map[string][]change{}
	for _, o := range history {
		if o.Kind != Get && o.Done() && o.Tag != "" {
			changes[o.Client] = append(changes[o.Client], change{o.Ended, versionOf(o.Tag)})
		}
	}
	return changes
}

// lacks returns how long the oldest change that a read lacks had been acknowledged.
func lacks(o Operation, changes []change) (worst time.Duration) {
	if o.Kind != Get || o.Status != http.StatusOK || o.Warned {
		return 0
	}
	for _, c := range changes {
		if c.acknowledged < o.Called && c.version > o.Seen.CacheVersion+1 {
			worst = max(worst, o.Called-c.acknowledged)
		}
	}
	return worst
}

// markStale counts stale reads for their phases, and removes those that are excused.
func (l *Load) markStale(e Evidence) {
	l.counter.mu.Lock()
	defer l.counter.mu.Unlock()
	changes := changesOf(l.history)
	l.history = slices.DeleteFunc(l.history, func(o Operation) bool {
		if lacks(o, changes[o.Client]) == 0 {
			return false
		}
		for i, t := range l.counter.ended {
			if o.Ended >= t.Begun && (o.Ended <= t.Ended || i == len(l.counter.ended)-1) {
				l.counter.ended[i].Stale++
				break
			}
		}
		return o.Ended >= e.From && o.Called <= e.To && e.To > 0
	})
}
