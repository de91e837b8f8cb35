package idempotency

import (
	"context"
	"encoding/json"
	"time"

	"clients/eventstore/internal/jsapi"
)

// ScrubRecord is what replicas share about scrubs: until when one scrubs, and how the last scrub ended.
type ScrubRecord struct {
	Until    time.Time      `json:"until,omitzero"`    // when the replica that scrubs loses its turn, unless it renews the record
	Finished time.Time      `json:"finished,omitzero"` // of the last scrub
	Faults   map[string]int `json:"faults,omitempty"`  // that it found, by kind
	First    string         `json:"first,omitempty"`   // fault, in words
	Stored   time.Time      `json:"stored,omitzero"`   // of this record

	revision uint64
}

// storedScrub is the record as it is stored, under a name that no account has. Releases before it take it for a record
// without a result and ignore it.
type storedScrub struct {
	ClientID int64       `json:"client_id"`
	EventID  string      `json:"event_id"`
	Scrub    ScrubRecord `json:"scrub"`
}

const scrubSubject = subjects + "_service.scrub"

// Scrubs returns the record of the last scrub, the zero one if there is none.
func (s *Store) Scrubs(ctx context.Context) (ScrubRecord, error) {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	e, err := s.get(ctx, scrubSubject)
	if err != nil {
		return ScrubRecord{}, err
	}
	var stored storedScrub
	if json.Unmarshal(e.value, &stored) != nil {
		stored.Scrub = ScrubRecord{}
	}
	stored.Scrub.revision = e.revision
	return stored.Scrub, nil
}

// StoreScrubs replaces the record. It returns domain.ErrConflict if another replica has replaced it since it was read.
func (s *Store) StoreScrubs(ctx context.Context, r ScrubRecord) (ScrubRecord, error) {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	r.Stored = time.Now().UTC()
	value, err := json.Marshal(storedScrub{ClientID: 1, EventID: "scrub", Scrub: r})
	if err != nil {
		return r, err
	}
	r.revision, err = s.put(ctx, scrubSubject, value, r.revision)
	return r, err
}

// Expires reports whether the record must be stored again so that it does not expire.
func (r ScrubRecord) Expires() bool { return !r.Stored.IsZero() && time.Since(r.Stored) > life/2 }
