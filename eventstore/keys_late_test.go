package eventstore

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"clients/domain"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// lateKeys reads the late keys behind a sequence of the bucket.
func lateKeys(t *testing.T, s *Store, after uint64) (all []LateKey) {
	t.Helper()
	require.NoError(t, LateKeys(deadline(t), s.nc, after, func(k LateKey) error { all = append(all, k); return nil }))
	return all
}

// put stores late keys again.
func putBack(t *testing.T, s *Store, all ...LateKey) (put, left int) {
	t.Helper()
	put, left, err := PutLateKeys(deadline(t), s.nc, func(yield func(LateKey, error) bool) {
		for _, k := range all {
			if !yield(k, nil) {
				return
			}
		}
	})
	require.NoError(t, err)
	return put, left
}

func TestLateKeysArePutBackWhereTheirEventIs(t *testing.T) {
	t.Parallel()
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprint(servers), func(t *testing.T) {
			t.Parallel()
			from, to := singleOrReplicated(t, servers), singleOrReplicated(t, servers)
			there, gone := created(1), created(2)
			receipt, err := to.Append(deadline(t), there, 0)
			require.NoError(t, err)
			reserve := func(key string, r domain.IdempotencyRecord) domain.IdempotencyRecord {
				r, _, err := from.Claim(deadline(t), "test", key, always(r))
				require.NoError(t, err)
				return r
			}
			reserve("early", domain.IdempotencyRecord{Fingerprint: "f", ClientID: 1, EventID: there.EventID})
			answered := reserve("answered", domain.IdempotencyRecord{Fingerprint: "f", ClientID: 1, EventID: there.EventID})
			answered.Result = &receipt.Revision
			require.NoError(t, from.Complete(deadline(t), "test", "answered", answered))
			reserve("under way", domain.IdempotencyRecord{Fingerprint: "f", ClientID: 1, EventID: there.EventID})
			lost := reserve("lost", domain.IdempotencyRecord{Fingerprint: "f", ClientID: 2, EventID: gone.EventID})
			lost.Result = &domain.Revision{Version: 1}
			require.NoError(t, from.Complete(deadline(t), "test", "lost", lost))
			reserve("behind the end", domain.IdempotencyRecord{Fingerprint: "f", ClientID: 1, EventID: there.EventID, After: receipt.Sequence})
			freed := reserve("freed", domain.IdempotencyRecord{Fingerprint: "f", ClientID: 1, EventID: there.EventID})
			require.NoError(t, from.Release(deadline(t), "test", "freed", freed))

			put, left := putBack(t, to, lateKeys(t, from, 1)...)
			require.Equal(t, []int{2, 2}, []int{put, left})
			for key, want := range map[string]bool{"early": false, "answered": true, "under way": true, "lost": false, "behind the end": false, "freed": false} {
				standing, mine, err := to.Claim(deadline(t), "test", key, always(domain.IdempotencyRecord{}))
				require.NoError(t, err)
				require.Equal(t, want, !mine, key)
				if key == "answered" {
					require.Equal(t, answered.Result, standing.Result)
				}
			}
		})
	}
}

// While keys are reserved and settled, each comes though one value takes the place of another.
func TestLateKeysMissNoneThatIsBeingSettled(t *testing.T) {
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
							reserved = append(reserved, strings.TrimPrefix(keySubject("test", key), keySubjects))
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
				came := map[string]bool{}
				for _, k := range lateKeys(t, s, 0) {
					came[k.Name] = true
				}
				for _, name := range known {
					require.True(t, came[name], "%s did not come", name)
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

func TestLateKeysEndThoughTheLastOneIsGone(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	for _, key := range []string{"one", "two", "three"} {
		_, _, err := s.Claim(deadline(t), "test", key, always(domain.IdempotencyRecord{ClientID: 1, EventID: key}))
		require.NoError(t, err)
	}
	stream, err := s.js.Stream(deadline(t), keysStream)
	require.NoError(t, err)
	require.NoError(t, stream.Purge(deadline(t), jetstream.WithPurgeSubject(keySubject("test", "three"))))
	require.Len(t, lateKeys(t, s, 0), 2)
}
