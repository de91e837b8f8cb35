package workload

import (
	"net/http"
	"time"
)

// Check compares the history of a load that has ended with the rules, and returns what violates them. It reads the list of
// all clients once more. stored is the number of events that each request led to, by its name; nil if the stream cannot be
// read.
func (l *Load) Check(stored map[string]int) []string {
	if listed, err := l.list(); err != nil {
		l.fault("%v", err)
	} else {
		l.compare(listed)
	}
	clients := map[string][]Operation{}
	for _, o := range l.history {
		without := !o.Known() && (o.Kind == Get || stored != nil && stored[o.Request] == 0) // an effect
		if !o.Warned && !without && o.Client != "" {
			clients[o.Client] = append(clients[o.Client], o)
		}
		l.compareStored(o, stored)
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
	now := time.Since(l.begun)
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
		_, existed := l.before[path]
		switch {
		case existed:
		case unknown[state.Name]:
			delete(unknown, state.Name) // once
		default:
			l.fault("no caller created %s: %+v", path, state)
		}
	}
}
