package idempotency_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore/idempotency"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestAKeyIsClaimedOnceByAllReplicas(t *testing.T) {
	t.Parallel()
	_, stores := threeReplicas(t)
	for _, key := range []string{"a", "ü / * > . \x00", "another"} {
		var claims atomic.Int64
		var group sync.WaitGroup
		existing := make([]domain.IdempotencyRecord, 12)
		for i := range existing {
			group.Go(func() {
				own := domain.IdempotencyRecord{Fingerprint: "f", ClientID: int64(i + 1), EventID: "e", After: 7}
				s, won, err := stores[i%3].Claim(deadline(t), "test", key, always(own))
				if err != nil {
					t.Error(err)
				}
				if won {
					claims.Add(1)
				}
				s.StoredAt = time.Time{} // which is not known of what is just stored
				existing[i] = s
			})
		}
		group.Wait()
		require.Equal(t, int64(1), claims.Load())
		for i, s := range existing {
			require.NotZero(t, s.Revision, i)
			require.Equal(t, existing[0], s)
		}
	}
}

func TestRecordsBelongToTheirAccount(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, own, err := s.Claim(deadline(t), "one", "key", always(domain.IdempotencyRecord{ClientID: 1}))
	require.NoError(t, err)
	require.True(t, own)
	_, own, err = s.Claim(deadline(t), "two", "key", always(domain.IdempotencyRecord{ClientID: 2}))
	require.NoError(t, err)
	require.True(t, own)
}

func TestACompletedKeyHasAResultAndAReleasedOneIsFree(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	r, _, err := s.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{Fingerprint: "f", ClientID: 1, EventID: "e"}))
	require.NoError(t, err)
	r.Result = &domain.Revision{Version: 2, Checksum: 1<<64 - 1}
	require.NoError(t, s.Complete(deadline(t), "test", "key", r))
	existing, own, err := s.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{}))
	require.NoError(t, err)
	require.False(t, own)
	require.Equal(t, r.Result, existing.Result)
	require.NoError(t, s.Release(deadline(t), "test", "key", existing))
	_, own, err = s.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{}))
	require.NoError(t, err)
	require.True(t, own)
}

// A request whose record was taken over can complete it, but not release it.
func TestARequestThatWasOvertakenDoesNotReleaseTheKey(t *testing.T) {
	t.Parallel()
	_, stores := threeReplicas(t)
	first, second := stores[0], stores[1]
	slow, own, err := first.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{ClientID: 1, EventID: "e"}))
	require.NoError(t, err)
	require.True(t, own)
	existing, own, err := second.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{ClientID: 2, EventID: "other"}))
	require.NoError(t, err)
	require.False(t, own)
	fast, err := second.TakeOver(deadline(t), "test", "key", existing)
	require.NoError(t, err)
	_, err = first.TakeOver(deadline(t), "test", "key", slow)
	require.ErrorIs(t, err, domain.ErrConflict)
	require.ErrorIs(t, first.Release(deadline(t), "test", "key", slow), domain.ErrConflict)
	_, own, err = first.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{}))
	require.NoError(t, err)
	require.False(t, own, "the record is unchanged")

	slow.Result = &domain.Revision{}
	require.NoError(t, first.Complete(deadline(t), "test", "key", slow))
	require.ErrorIs(t, second.Release(deadline(t), "test", "key", fast), domain.ErrConflict)
	existing, _, err = second.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{}))
	require.NoError(t, err)
	require.Equal(t, slow.Result, existing.Result)
}

func TestAResultIsStoredAfterTheKeyWasReleased(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	r, _, err := s.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{ClientID: 1, EventID: "e"}))
	require.NoError(t, err)
	require.NoError(t, s.Release(deadline(t), "test", "key", r))
	r.Result = &domain.Revision{}
	require.NoError(t, s.Complete(deadline(t), "test", "key", r))
	existing, own, err := s.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{EventID: "another"}))
	require.NoError(t, err)
	require.False(t, own)
	require.Equal(t, r.Result, existing.Result)
	require.NoError(t, s.Complete(deadline(t), "test", "key", domain.IdempotencyRecord{EventID: "another", Revision: r.Revision}))
	existing, _, err = s.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{}))
	require.NoError(t, err)
	require.Equal(t, r.Result, existing.Result, "the key belongs to the request with a result")
}

// bucketOf returns the stream of keys as a key-value bucket, as earlier releases used it.
func bucketOf(t *testing.T, s *idempotency.Store) jetstream.KeyValue {
	t.Helper()
	bucket, err := s.JetStream().KeyValue(deadline(t), idempotency.Bucket)
	require.NoError(t, err)
	return bucket
}

func bucketKey(account, key string) string {
	_, name := idempotency.SubjectOf(account, key)
	return name
}

func TestRecordsExpireAfterADay(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	status, err := bucketOf(t, s).Status(deadline(t))
	require.NoError(t, err)
	require.Equal(t, 24*time.Hour, status.TTL())
}

func always(r domain.IdempotencyRecord) func() (domain.IdempotencyRecord, error) {
	return func() (domain.IdempotencyRecord, error) { return r, nil }
}

// The previous and the next release read the same keys.
func TestARecordIsStoredInTheBytesOfEarlierReleases(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	r, _, err := s.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{Fingerprint: "f", ClientID: 7, EventID: "e", After: 3}))
	require.NoError(t, err)
	stored := func() string {
		entry, err := bucketOf(t, s).Get(deadline(t), "test.2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683")
		require.NoError(t, err)
		return string(entry.Value())
	}
	require.Equal(t, `{"fingerprint":"f","client_id":7,"event_id":"e","after":3}`, stored())
	r.Released = true
	r, err = s.TakeOver(deadline(t), "test", "key", r)
	require.NoError(t, err)
	require.Equal(t, `{"fingerprint":"f","client_id":7,"event_id":"e","after":3,"released":true}`, stored())
	existing, found, err := s.Read(deadline(t), "test", "key")
	require.NoError(t, err)
	require.True(t, found && existing.Released)
	r.Released = false
	r.Result = &domain.Revision{Version: 2, Checksum: 0xabc}
	require.NoError(t, s.Complete(deadline(t), "test", "key", r))
	require.Equal(t, `{"fingerprint":"f","client_id":7,"event_id":"e","after":3,"answer":{"version":2,"checksum":"0000000000000abc"}}`, stored())
}

func TestARetryCreatesNoRecord(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, _, err := s.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{}))
	require.NoError(t, err)
	_, own, err := s.Claim(deadline(t), "test", "key", func() (domain.IdempotencyRecord, error) {
		t.Error("there is a record")
		return domain.IdempotencyRecord{}, nil
	})
	require.NoError(t, err)
	require.False(t, own)
}

func TestAnUnreadableRecordIsUnavailable(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, err := bucketOf(t, s).Put(deadline(t), bucketKey("test", "key"), []byte("garbage"))
	require.NoError(t, err)
	_, _, err = s.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{ClientID: 1}))
	var unavailable *domain.Error
	require.ErrorAs(t, err, &unavailable)
	require.Equal(t, domain.Unavailable, unavailable.Kind)
}

// The stream of keys is a bucket: records of an earlier release are read, and new ones are visible in it.
func TestRecordsAreInABucket(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	bucket := bucketOf(t, s)
	for name, forget := range map[string]func(key string, revision uint64) error{
		"deleted": func(key string, revision uint64) error {
			return bucket.Delete(deadline(t), key, jetstream.LastRevision(revision))
		},
		"purged": func(key string, _ uint64) error { return bucket.Purge(deadline(t), key) },
	} {
		t.Run(name, func(t *testing.T) {
			former := domain.IdempotencyRecord{Fingerprint: "f", ClientID: 7, EventID: "e", After: 3}
			value, err := idempotency.Encode(former)
			require.NoError(t, err)
			former.Revision, err = bucket.Create(deadline(t), bucketKey("test", name), value)
			require.NoError(t, err)
			existing, own, err := s.Claim(deadline(t), "test", name, always(domain.IdempotencyRecord{}))
			require.NoError(t, err)
			require.False(t, own)
			require.WithinDuration(t, time.Now(), existing.StoredAt, time.Minute)
			former.StoredAt = existing.StoredAt
			require.Equal(t, former, existing)

			require.NoError(t, forget(bucketKey("test", name), existing.Revision))
			existing, own, err = s.Claim(deadline(t), "test", name, always(domain.IdempotencyRecord{EventID: "another"}))
			require.NoError(t, err)
			require.True(t, own)
			entry, err := bucket.Get(deadline(t), bucketKey("test", name))
			require.NoError(t, err)
			require.Equal(t, existing.Revision, entry.Revision())
			require.NoError(t, s.Release(deadline(t), "test", name, existing))
			_, err = bucket.Get(deadline(t), bucketKey("test", name))
			require.ErrorIs(t, err, jetstream.ErrKeyNotFound)
			_, err = bucket.Create(deadline(t), bucketKey("test", name), value)
			require.NoError(t, err)
		})
	}
}

// While the key is claimed, others claim and release it: each attempt must not take another id.
func TestARecordIsCreatedOnceHoweverOftenTheKeyChanges(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	made := 0
	existing, own, err := s.Claim(deadline(t), "test", "key", func() (domain.IdempotencyRecord, error) {
		made++
		other, own, err := s.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{EventID: "other"}))
		require.NoError(t, err)
		require.True(t, own)
		return domain.IdempotencyRecord{EventID: "own"}, s.Release(deadline(t), "test", "key", other)
	})
	require.NoError(t, err)
	require.True(t, own)
	require.Equal(t, "own", existing.EventID)
	require.Equal(t, 1, made)
}
