package audit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"clients/eventstore"
	"clients/eventstore/history"
	"clients/projections/readmodel"
)

// Scrub re-reads the whole stream that a directory follows, by the rules of an Audit, and compares what it folds with the
// directory. It reads each server's copy of the stream at least once.
//
// Its memory is bounded: in one pass it folds partSize clients, projects and invoices, and it takes as many passes as there
// are parts or servers. It works for a twentieth of the time, in bursts that callers do not notice.
type Scrub struct {
	Directory *readmodel.Directory
	// Open opens the history, once for each pass.
	Open func(context.Context) (*history.History, error)

	found map[Fault]Fault // by what is the same in each pass
}

const (
	partSize  = 100_000
	maxFaults = 1000 // any more are not kept

	scrubBurst   = 16 // messages
	scrubShare   = 20
	longestPause = time.Second
)

// Run returns the faults, in the order of the stream: those that a second round of passes has found, too, after every
// server that was behind has caught up or has lost its place. The error is ctx's, or means that not everything could be
// read.
func (s *Scrub) Run(ctx context.Context) ([]Fault, error) {
	history, err := s.passes(ctx)
	if err != nil || len(s.found) == 0 {
		return nil, err
	}
	if err := history.Outlast(ctx); err != nil {
		return nil, err
	}
	first := s.found
	if _, err := s.passes(ctx); err != nil {
		return nil, err
	}
	maps.DeleteFunc(s.found, func(key, _ Fault) bool { _, before := first[key]; return !before })
	return slices.SortedFunc(maps.Values(s.found), func(a, b Fault) int { return cmp.Compare(a.First, b.First) }), nil
}

// passes reads the stream once for each part of the clients and each server.
func (s *Scrub) passes(ctx context.Context) (history *history.History, err error) {
	s.found = make(map[Fault]Fault)
	parts := 1
	for part := 0; part < parts; part++ {
		if history, err = s.Open(ctx); err != nil {
			return nil, fmt.Errorf("scrub: %w", err)
		}
		if part == 0 {
			items := s.Directory.Stats().Clients + s.Directory.View().References.Len()
			parts = max(len(history.Servers), 1+items/partSize)
		}
		history.Burst = 2 * scrubBurst
		if servers := history.Servers; len(servers) > 0 {
			server := servers[part%len(servers)]
			history.Server, history.Lacking = server, func(sequence uint64) { s.lacks(server, sequence) }
		}
		if err := s.pass(ctx, history, part, parts); err != nil {
			return nil, fmt.Errorf("scrub: %w", err)
		}
	}
	return history, nil
}

func (s *Scrub) pass(ctx context.Context, history *history.History, part, parts int) error {
	n := newAuditor(&Audit{History: history, Fault: s.fault, Foreign: func(eventstore.Record) {}, Reached: paused(ctx)})
	n.part, n.parts = int64(part), int64(parts)
	n.begin()
	if err := n.read(ctx); err != nil {
		return err
	}
	if err := s.Directory.Await(ctx, history.Last); err != nil {
		return err
	}
	now := s.Directory.View()
	history.First, history.Last = history.Last+1, now.Sequence // what has come meanwhile
	if err := n.read(ctx); err != nil {
		return err
	}
	n.compareClients(now.Accounts)
	n.compareItems(now.References)
	return nil
}

// paused returns a function that makes reading slow if it is called behind each message.
func paused(ctx context.Context) func(uint64) {
	begun, burst := time.Now(), 0
	return func(uint64) {
		if burst++; burst < scrubBurst {
			return
		}
		select {
		case <-time.After(min((scrubShare-1)*time.Since(begun), longestPause)):
		case <-ctx.Done():
		}
		begun, burst = time.Now(), 0
	}
}

func (s *Scrub) lacks(server string, sequence uint64) {
	s.fault(Fault{First: sequence, Last: sequence, Kind: FaultCopy, Detail: "server " + server + " lacks the message, which the leader has"})
}

func (s *Scrub) fault(f Fault) {
	if len(s.found) < maxFaults {
		s.found[f.key()] = f
	}
}

// key is what a fault has in common with itself in another pass: a client that differs may have changed since.
func (f Fault) key() Fault {
	switch f.Kind {
	case FaultDiffers:
		return Fault{Kind: f.Kind, client: f.client}
	case FaultCopy, FaultReferences: // of which there may be several of one sequence
		return f
	}
	return Fault{First: f.First, Last: f.Last, Kind: f.Kind}
}

// ScrubFaults returns the kinds of faults that a scrub can find.
func ScrubFaults() []FaultKind {
	return []FaultKind{FaultMissing, FaultCorrupt, FaultUnknownType, FaultOrder, FaultTwoAccounts, FaultCopy, FaultDiffers, FaultReferences}
}
