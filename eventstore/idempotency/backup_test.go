package idempotency_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore/idempotency"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// backup returns the entries behind a sequence of the bucket.
func backup(t *testing.T, s *idempotency.Store, after uint64) string {
	t.Helper()
	var lines strings.Builder
	require.NoError(t, idempotency.Backup(deadline(t), s.Conn(), after, &lines))
	return lines.String()
}

// restore restores entries, where the stream holds the events of the given clients.
func restore(t *testing.T, s *idempotency.Store, stored map[string]bool, lines string) (restored, others int) {
	t.Helper()
	find := func(_ context.Context, l domain.Lookup) (domain.AppendResult, bool, error) {
		return domain.AppendResult{}, stored[l.EventID] && l.After == 0, nil
	}
	restored, others, err := idempotency.Restore(deadline(t), s.Conn(), find, strings.NewReader(lines))
	require.NoError(t, err)
	return restored, others
}

func TestEntriesAreRestoredIfTheirEventIsStored(t *testing.T) {
	t.Parallel()
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprint(servers), func(t *testing.T) {
			t.Parallel()
			from, to := singleOrReplicated(t, servers), singleOrReplicated(t, servers)
			claim := func(key, event string, after uint64) domain.IdempotencyRecord {
				r, _, err := from.Claim(deadline(t), "test", key, always(domain.IdempotencyRecord{Fingerprint: "f", ClientID: 1, EventID: event, After: after}))
				require.NoError(t, err)
				return r
			}
			complete := func(key string, r domain.IdempotencyRecord) *domain.Revision {
				r.Result = &domain.Revision{Version: 1, Checksum: 7}
				require.NoError(t, from.Complete(deadline(t), "test", key, r))
				return r.Result
			}
			claim("early", "stored", 0)
			result := complete("completed", claim("completed", "stored", 0))
			claim("claimed", "stored", 0)
			complete("lost", claim("lost", "missing", 0))
			claim("after the end", "stored", 3)
			require.NoError(t, from.Release(deadline(t), "test", "released", claim("released", "stored", 0)))

			restored, others := restore(t, to, map[string]bool{"stored": true}, backup(t, from, 1))
			require.Equal(t, []int{2, 2}, []int{restored, others})
			for key, want := range map[string]bool{"early": false, "completed": true, "claimed": true, "lost": false, "after the end": false, "released": false} {
				r, own, err := to.Claim(deadline(t), "test", key, always(domain.IdempotencyRecord{}))
				require.NoError(t, err)
				require.Equal(t, want, !own, key)
				if key == "completed" {
					require.Equal(t, result, r.Result)
				}
			}
		})
	}
}

// Each key is returned once or more while keys are claimed and completed, which replaces their values.
func TestEntriesIncludeKeysThatAreBeingCompleted(t *testing.T) {
	t.Parallel()
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprint(servers), func(t *testing.T) {
			t.Parallel()
			s := singleOrReplicated(t, servers)
			const writers, each = 8, 40
			var writing sync.WaitGroup
			var mu sync.Mutex
			var reserved []string
			for w := range writers {
				writing.Go(func() {
					for i := range each {
						key := fmt.Sprintf("%d of %d", i, w)
						r, _, err := s.Claim(deadline(t), "test", key, always(domain.IdempotencyRecord{Fingerprint: "f", ClientID: 1, EventID: key}))
						if err == nil {
							mu.Lock()
							reserved = append(reserved, bucketKey("test", key))
							mu.Unlock()
							r.Result = &domain.Revision{}
							err = s.Complete(deadline(t), "test", key, r)
						}
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			for ended := 0; ended < writers*each; {
				mu.Lock()
				known := slices.Clone(reserved)
				mu.Unlock()
				lines := backup(t, s, 0)
				for _, name := range known {
					require.Contains(t, lines, name)
				}
				ended = len(known)
				if t.Failed() {
					break
				}
			}
			writing.Wait()
		})
	}
}

// The call ends however fast keys are stored meanwhile.
func TestEntriesEndWhileKeysAreStored(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	defer writing.Wait()
	defer stop()
	for range 16 {
		writing.Go(func() {
			for ctx.Err() == nil {
				_, _, _ = s.Claim(ctx, "test", uuid.NewString(), always(domain.IdempotencyRecord{Fingerprint: "f", ClientID: 1, EventID: "e"}))
			}
		})
	}
	for range 20 {
		limited, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		err := idempotency.Backup(limited, s.Conn(), 0, io.Discard)
		cancel()
		require.NoError(t, err)
	}
}
