package eventstore

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
	"unique"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// Removals are the messages that the stream's records of type Removal account for. The zero value knows none: Read reads
// them from the stream, and Add takes them from a caller who reads the stream anyway. It is safe for concurrent use.
type Removals struct {
	mu         sync.RWMutex
	messages   map[uint64]removed
	erased     uint64 // the sequence of the last record that began an erasure
	read       uint64 // that of the last record that was read
	unfinished map[client]Record
}

type client struct {
	account string
	id      int64
}

// removed is a message. Its texts are shared with others.
type removed struct {
	client
	storedAt int64 // in nanoseconds
	kind     string
	foreign  bool
}

// Add adds a record, if it is a Removal. Records come in order. For the messages that one accounts for the order does not matter,
// and one that was added before changes nothing.
func (r *Removals) Add(record Record) {
	removal := record.Removal
	if removal == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.messages == nil {
		r.messages, r.unfinished = make(map[uint64]removed), make(map[client]Record)
	}
	of := client{removal.Account, removal.ClientID}
	for _, m := range removal.Messages {
		if m.Sequence < record.Sequence {
			r.messages[m.Sequence] = removed{of, m.StoredAt.UnixNano(), unique.Make(m.Type).Value(), m.Foreign}
		}
	}
	known := record.Sequence <= r.read
	r.read = max(r.read, record.Sequence)
	switch {
	case known, of.id == 0:
	case removal.Done:
		delete(r.unfinished, of)
	default:
		if begun, more := r.unfinished[of]; more { // the client has many messages
			all := *removal
			all.Messages = slices.Concat(begun.Removal.Messages, removal.Messages)
			record.Removal = &all
		}
		r.erased, r.unfinished[of] = record.Sequence, record
	}
}

// Read adds the records that the stream has behind those that were read before, as its leader has them. One that cannot be decoded
// accounts for nothing.
func (r *Removals) Read(ctx context.Context, api *jsapi.Client) error {
	r.mu.RLock()
	next := r.read + 1
	r.mu.RUnlock()
	for {
		m, err := api.Message(ctx, Stream, jsapi.Query{Sequence: next, NextBySubject: RemovalSubject})
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if record, err := decodeMessage(m); err == nil {
			r.Add(record)
		}
		next = m.Sequence + 1
	}
}

// Record returns the record of a message that was removed, and whether it was.
func (r *Removals) Record(sequence uint64) (Record, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	m, found := r.messages[sequence]
	if !found {
		return Record{}, false
	}
	record := Record{
		Sequence: sequence, StoredAt: time.Unix(0, m.storedAt).UTC(), ClientID: m.id, Type: m.kind, Removed: true,
		Envelope: domain.Envelope{Account: m.account},
	}
	if m.id != 0 {
		record.Subject = subjectOf(m.account, m.id)
	}
	if m.foreign {
		record.Foreign = "removed, and it did not count"
	}
	return record, true
}

// First returns when the first message of an erased client was stored, or the zero time.
func (r *Removals) First(account string, id int64) (at time.Time) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	first := uint64(0)
	for sequence, m := range r.messages {
		if m.client == (client{account, id}) && (first == 0 || sequence < first) {
			first, at = sequence, time.Unix(0, m.storedAt).UTC()
		}
	}
	return at
}

// Find returns the record of a message that the stream lacks, and whether it was removed. If r has no Removal for the message,
// Find first reads the ones that the stream has meanwhile.
func (r *Removals) Find(ctx context.Context, api *jsapi.Client, sequence uint64) (record Record, found bool, err error) {
	if record, found = r.Record(sequence); found {
		return record, true, nil
	}
	err = r.Read(ctx, api)
	record, found = r.Record(sequence)
	return record, found, err
}

// Len returns how many messages were removed.
func (r *Removals) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.messages)
}

// lacking returns how many of the messages in front of the first one, and of those that were deleted behind it, were not removed.
func (r *Removals) lacking(first uint64, deleted []uint64) (n uint64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	n = first - min(first, 1)
	for sequence := range r.messages {
		if sequence < first {
			n--
		}
	}
	for _, sequence := range deleted {
		if _, removed := r.messages[sequence]; !removed {
			n++
		}
	}
	return n
}

// Before reports whether a message in front of a sequence was removed.
func (r *Removals) Before(sequence uint64) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for removed := range r.messages {
		if removed < sequence {
			return true
		}
	}
	return false
}

// Erased returns the sequence of the last record that began an erasure, 0 if there is none. What was folded of the messages in
// front of it cannot be folded again.
func (r *Removals) Erased() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.erased
}

// Unfinished returns the erasures that were begun and are not done, in the order in which they began. The messages of one that
// was recorded in several records are all in the last one.
func (r *Removals) Unfinished() []Record {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.SortedFunc(maps.Values(r.unfinished), func(a, b Record) int { return cmp.Compare(a.Sequence, b.Sequence) })
}

// removalPoll is how often AwaitRemoval looks for a Removal.
const removalPoll = time.Second

// AwaitRemoval waits until the message is removed that the Tail of a store has stopped at with the error stopped, so that Tail can go on
// behind it. It returns stopped if that is about no such message, or if ctx ends first.
func AwaitRemoval(ctx context.Context, s *Store, stopped error) error {
	sequence, ok := StoppedAt(stopped)
	for ok && ctx.Err() == nil {
		if _, removed, _ := s.Removals.Find(ctx, s.api, sequence); removed { // an error may pass
			return nil
		}
		jsapi.Sleep(ctx, removalPoll)
	}
	return stopped
}
