package idempotency

import (
	"encoding/json"
	"fmt"
	"strconv"

	"clients/domain"
)

// storedRecord is a record as it is stored. Other releases read it: those that do not know released wait for the record to
// change for a while, and take it over then.
type storedRecord struct {
	Fingerprint string        `json:"fingerprint"`
	ClientID    int64         `json:"client_id"`
	EventID     string        `json:"event_id"`
	After       uint64        `json:"after"`
	Released    bool          `json:"released,omitempty"`
	Answer      *storedResult `json:"answer,omitempty"`
}

type storedResult struct {
	Version  uint64 `json:"version"`
	Checksum string `json:"checksum"`
}

func encode(r domain.IdempotencyRecord) ([]byte, error) {
	stored := storedRecord{Fingerprint: r.Fingerprint, ClientID: r.ClientID, EventID: r.EventID, After: r.After, Released: r.Released}
	if r.Result != nil {
		stored.Answer = &storedResult{Version: r.Result.Version, Checksum: fmt.Sprintf("%016x", r.Result.Checksum)}
	}
	return json.Marshal(stored)
}

func decode(value []byte) (domain.IdempotencyRecord, error) {
	var stored storedRecord
	if err := json.Unmarshal(value, &stored); err != nil {
		return domain.IdempotencyRecord{}, err
	}
	r := domain.IdempotencyRecord{
		Fingerprint: stored.Fingerprint, ClientID: stored.ClientID, EventID: stored.EventID, After: stored.After, Released: stored.Released,
	}
	if stored.Answer == nil {
		return r, nil
	}
	checksum, err := strconv.ParseUint(stored.Answer.Checksum, 16, 64)
	r.Result = &domain.Revision{Version: stored.Answer.Version, Checksum: checksum}
	return r, err
}
