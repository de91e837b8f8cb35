package eventstore

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sequences are those of the snapshots that there are, the highest first.
func snapshotsAt(t testing.TB, s *Store) (all []uint64) {
	t.Helper()
	for _, snapshot := range snapshots(t, s) {
		all = append(all, snapshot.Sequence)
	}
	return all
}

// Whatever is put into the bucket, the two newest good snapshots are kept, and what is not the service's own stays.
func TestWhatIsNoGoodSnapshotPushesNoneOut(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	records := grow(t, s, 1, 2, 3, 4, 5, 6)
	for range 2 {
		putAsFormerly(t, s, 999_999, time.Now(), "junk beyond the stream's end")
		putAsFormerly(t, s, 5, time.Now(), "junk of another moment")
	}
	kept := []uint64{999_999, 999_999, 5, 5}
	for _, r := range records[:4] {
		save(t, s, r, "good")
	}
	require.Equal(t, append(kept, 4, 3), snapshotsAt(t, s))

	damage(t, s, putAsFormerly(t, s, 6, records[5].StoredAt, "not what was saved"))
	save(t, s, records[4], "good")
	require.Equal(t, append(kept, 5, 4), snapshotsAt(t, s), "what was damaged is forgotten, and counted for nothing")
}

// A snapshot that another release has written in another form is left to that.
func TestReleasesKeepSnapshotsOfTheirForms(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	records := grow(t, s, 1, 2, 3, 4)
	for _, r := range records {
		for _, form := range []string{"1\n", "2\n"} {
			saveAs(t, s, r, form, form+"content")
		}
	}
	require.Equal(t, []uint64{4, 4, 3, 3}, snapshotsAt(t, s))
}

// Snapshots of the release before, which says less of them, are read, kept as long as they are among the newest, and
// forgotten.
func TestSnapshotsOfTheFormerReleaseAreGoodToo(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	records := grow(t, s, 1, 2, 3, 4)
	for _, r := range records[:2] {
		putAsFormerly(t, s, r.Sequence, r.StoredAt, "1\nformer")
	}
	putAsFormerly(t, s, 1, records[0].StoredAt, "junk")
	former := snapshots(t, s)[0]
	require.NoError(t, s.CheckSnapshot(deadline(t), former))
	content, err := read(t, s, former)
	require.NoError(t, err)
	require.Equal(t, "1\nformer", content)

	other := openStore(t, s.nc, 1)                          // as another replica, which knows of nothing
	for i, want := range [][]uint64{{3, 2, 1}, {4, 3, 1}} { // 1 is the junk
		saveAs(t, []*Store{s, other}[i], records[i+2], "1\n", "1\nnew")
		require.Equal(t, want, snapshotsAt(t, s))
	}
}

// What is among the snapshots and is none is told once, and not at each look.
func TestStrangersAreWarnedOfOnce(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	var log bytes.Buffer
	s.config.Log = slog.New(slog.NewTextHandler(&log, nil))
	bucket, err := s.js.ObjectStore(deadline(t), SnapshotsBucket)
	require.NoError(t, err)
	_, err = bucket.PutString(deadline(t), "stranger", "hello")
	require.NoError(t, err)
	for range 3 {
		require.Empty(t, snapshots(t, s))
	}
	require.NoError(t, s.forgetOrphans(deadline(t), 0))
	content, err := bucket.GetString(deadline(t), "stranger")
	require.NoError(t, err)
	require.Equal(t, "hello", content)
	require.Equal(t, 1, strings.Count(log.String(), "WARN"), log.String())
}
