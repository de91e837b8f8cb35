package eventstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Storage is how much room the streams of an account take on all NATS servers together, and how much they may take.
type Storage struct {
	Used  uint64
	Limit uint64 // 0 where the account has no limit: then that of the servers holds, which they do not tell
}

// fuller reports whether s is closer to its limit.
func (s Storage) fuller(other Storage) bool {
	if s.Limit == 0 || other.Limit == 0 {
		return s.Limit > 0
	}
	return float64(s.Used)/float64(s.Limit) > float64(other.Used)/float64(other.Limit)
}

// storageTier is what the server tells of an account, or of its streams with one number of replicas.
type storageTier struct {
	Used   uint64 `json:"storage"`
	Limits struct {
		Storage int64 `json:"max_storage"` // 0 and below: none
	} `json:"limits"`
}

// Storage asks how much room is taken. Where each number of replicas has a limit of its own, the answer is about the
// one that is closest to it.
func (s *Store) Storage(ctx context.Context) (Storage, error) {
	var account struct {
		storageTier
		Tiers map[string]storageTier `json:"tiers"`
	}
	if err := s.api.Request(ctx, "INFO", nil, &account); err != nil {
		return Storage{}, fmt.Errorf("storage of the account: %w", err)
	}
	fullest := Storage{Used: account.Used, Limit: uint64(max(0, account.Limits.Storage))}
	for name, tier := range account.Tiers {
		replicas, err := strconv.ParseUint(strings.TrimPrefix(name, "R"), 10, 8)
		if err != nil {
			continue
		}
		of := Storage{Used: tier.Used, Limit: uint64(max(0, tier.Limits.Storage)) * replicas} // used counts each replica
		if of.fuller(fullest) {
			fullest = of
		}
	}
	return fullest, nil
}
