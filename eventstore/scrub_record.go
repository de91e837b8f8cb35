package eventstore

import (
	"context"
	"encoding/json"
	"time"

	"clients/eventstore/internal/jsapi"
)

// ScrubRecord is what replicas share about scrubs: who scrubs, and how the last one ended.
type ScrubRecord struct {
	Holder   string         `json:"holder,omitempty"`
	Until    time.Time      `json:"until,omitzero"`    // when the holder loses the turn, unless it renews it
	Finished time.Time      `json:"finished,omitzero"` // of the last scrub
	Faults   map[string]int `json:"faults,omitempty"`  // that it found, by kind
	First    string         `json:"first,omitempty"`   // of the faults, in words
	Stored   time.Time      `json:"stored,omitzero"`   // when the record was

	revision uint64
}

// storedScrub is the record as it is stored, in the bucket of idempotency keys under a name that no account has. To the
// releases before it is a reservation without a response, which they pass over.
type storedScrub struct {
	ClientID int64       `json:"client_id"`
	EventID  string      `json:"event_id"`
	Scrub    ScrubRecord `json:"scrub"`
}

const (
	scrubSubject    = keySubjects + "_service.scrub"
	scrubRecordLife = keyLife // it expires as a key does
)

// Scrubs returns the record; where there is none it is the zero one.
func (s *Store) Scrubs(ctx context.Context) (ScrubRecord, error) {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	key, err := s.readKey(ctx, scrubSubject)
	if err != nil {
		return ScrubRecord{}, err
	}
	var stored storedScrub
	if json.Unmarshal(key.value, &stored) != nil {
		stored.Scrub = ScrubRecord{} // as good as none
	}
	stored.Scrub.revision = key.revision
	return stored.Scrub, nil
}

// StoreScrubs stores a record that was changed. The error is domain.ErrConflict when another replica has stored one since
// it was read.
func (s *Store) StoreScrubs(ctx context.Context, r ScrubRecord) (ScrubRecord, error) {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	r.Stored = time.Now().UTC()
	value, err := json.Marshal(storedScrub{ClientID: 1, EventID: "scrub", Scrub: r})
	if err != nil {
		return r, err
	}
	r.revision, err = s.storeKey(ctx, scrubSubject, value, r.revision)
	return r, err
}

// Expires reports whether the record has to be stored again so that it does not expire.
func (r ScrubRecord) Expires() bool {
	return !r.Stored.IsZero() && time.Since(r.Stored) > scrubRecordLife/2
}
