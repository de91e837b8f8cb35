package timeline_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/readmodel"
	"clients/projections/timeline"

	"github.com/stretchr/testify/require"
)

// stored is a stream in memory, which a directory has folded.
type stored struct {
	records []eventstore.Record
	*readmodel.Directory
}

func (s stored) Messages(_ context.Context, _ string, _ int64, after, _ uint64) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		for _, r := range s.records {
			if r.Sequence > after && !yield(r, nil) {
				return
			}
		}
	}
}

// broken is a stream that fails once at a time.
type broken struct{}

var errBroken = errors.New("broken")

func (broken) Messages(_ context.Context, _ string, _ int64, after, _ uint64) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		if after > 0 {
			yield(eventstore.Record{}, errBroken)
		}
	}
}

// restored is the stream of a directory that is restored, and follows nothing.
type restored struct{ readmodel.Log }

func (restored) LastSequence(context.Context) (uint64, error) { return 0, nil }

// second returns a time of one minute, in seconds.
func second(s float64) time.Time {
	return time.Date(2026, 11, 23, 9, 0, 0, int(s*1e9), time.UTC)
}

// stream returns the messages of one client, each stored at a second of one minute.
func stream(seconds []float64, events ...domain.Event) (records []eventstore.Record) {
	version := uint64(0)
	for i, e := range events {
		r := eventstore.Record{Sequence: uint64(i + 1), StoredAt: second(seconds[i]), ClientID: 7, Envelope: domain.Envelope{Account: "test"}}
		if r.Event = e; e == nil {
			r.Foreign = "no valid envelope"
		} else {
			version++
			r.Version, r.Checksum = version, 100+version
		}
		records = append(records, r)
	}
	return records
}

func folded(t *testing.T, records []eventstore.Record) timeline.Timeline {
	t.Helper()
	m := readmodel.NewModel()
	for _, r := range records {
		require.NoError(t, m.Fold(&r))
	}
	d := readmodel.NewDirectory(restored{}, slog.New(slog.DiscardHandler))
	d.Restore(m)
	return timeline.New(stored{records, d}, d)
}

var (
	created = domain.ClientCreated{ID: 7, Name: "SuprCorp", Currency: "Euro - EUR", Active: true}
	renamed = domain.ClientUpdated{ID: 7, Name: new("Renamed")}
	toggled = domain.ClientToggled{ID: 7}
	deleted = domain.ClientDeleted{ID: 7}
)

// The times of versions are those of the read model, whose clock stands still while that of the stream's leader is behind.
func TestVersionsHaveTheTimesOfTheReadModel(t *testing.T) {
	t.Parallel()
	records := stream([]float64{10, 12.9, 11, 12.5, 13}, created, renamed, toggled, nil, renamed)
	var at []time.Time
	for v, err := range folded(t, records).Versions(t.Context(), "test", 7) {
		require.NoError(t, err)
		at = append(at, v.At)
		require.Equal(t, v.At, v.After.UpdatedAt)
		require.Equal(t, second(10), v.After.CreatedAt)
		prefix := folded(t, records[:v.Sequence])
		client, _, _ := prefix.Directory.(*readmodel.Directory).Client("test", 7)
		require.Equal(t, client, v.After, "version %d is what the read model showed", v.Version)
	}
	require.Equal(t, []time.Time{second(10), second(12.9), second(12.9), second(13)}, at)
}

func TestAsOfAndMemento(t *testing.T) {
	t.Parallel()
	line := folded(t, stream([]float64{10.5, 11.1, 11.9, 15}, created, renamed, toggled, deleted))
	for _, c := range []struct {
		at            float64
		asOf, memento uint64 // versions, 0 for none
	}{
		{9, 0, 1},
		{10, 1, 1}, // the whole second
		{11, 3, 3},
		{14, 3, 3},
		{15, 0, 3},
		{30, 0, 3},
	} {
		for want, find := range map[uint64]func(context.Context, string, int64, time.Time) (timeline.Version, error){c.asOf: line.AsOf, c.memento: line.Memento} {
			v, err := find(t.Context(), "test", 7, second(c.at))
			if want == 0 {
				require.ErrorIs(t, err, domain.ErrNotFound, "at %v", c.at)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, want, v.Version, "at %v", c.at)
		}
	}
}

// Of two events with one version the first counts; a version that is left out is damage.
func TestVersionsContinueEachOther(t *testing.T) {
	t.Parallel()
	records := stream([]float64{1, 2, 3}, created, renamed, toggled)
	line := folded(t, records)
	again := records[1]
	again.Sequence = 9
	end, behind := stream([]float64{1, 2}, created, deleted)[1], records[2]
	behind.Sequence = 10
	erased := stream([]float64{1}, domain.ClientErased{ID: 7})[0]
	erased.Sequence, erased.Version = 3, 7
	for name, c := range map[string]struct {
		records []eventstore.Record
		want    []uint64
		damaged bool
	}{
		"one again":               {[]eventstore.Record{records[0], records[1], again, records[2]}, []uint64{1, 2, 3}, false},
		"one behind the deletion": {[]eventstore.Record{records[0], end, again, behind}, []uint64{1, 2}, false},
		"an erasure alone":        {[]eventstore.Record{erased}, []uint64{7}, false},
		"one behind an erasure":   {[]eventstore.Record{erased, again}, []uint64{7}, false},
		"one behind a deletion":   {[]eventstore.Record{records[0], end, erased}, []uint64{1, 2, 7}, false},
		"one left out":            {[]eventstore.Record{records[0], records[2]}, []uint64{1}, true},
	} {
		line.Log = stored{c.records, nil}
		var versions []uint64
		var last error
		for v, err := range line.Versions(t.Context(), "test", 7) {
			if last = err; err == nil {
				versions = append(versions, v.Version)
			}
		}
		require.Equal(t, c.want, versions, name)
		var corrupt *eventstore.CorruptError
		require.Equal(t, c.damaged, last != nil, name)
		if c.damaged {
			require.ErrorAs(t, last, &corrupt)
		}
	}
}

// A part of a long history is read from the last kept version in front of it. After an erasure nothing of the client is left.
func TestAPartOfALongHistory(t *testing.T) {
	t.Parallel()
	events, seconds := []domain.Event{created}, []float64{0}
	for i := range 1199 {
		events, seconds = append(events, domain.ClientUpdated{ID: 7, Name: new(fmt.Sprint("Name ", i))}), append(seconds, float64(i)/100)
	}
	records := stream(seconds, events...)
	line := folded(t, records)
	var all []timeline.Version
	for v, err := range line.Versions(t.Context(), "test", 7) {
		require.NoError(t, err)
		all = append(all, v)
	}
	part := func(line timeline.Timeline, behind uint64) (part []timeline.Version) {
		for v, err := range line.From(t.Context(), "test", 7, func(v timeline.Version) bool { return v.Version <= behind }) {
			require.NoError(t, err)
			part = append(part, v)
		}
		return part
	}
	for behind, first := range map[uint64]int{0: 1, 499: 1, 500: 500, 999: 500, 1000: 1000, 1200: 1000, 9999: 1000} {
		got := part(line, behind)
		require.EqualValues(t, first, got[0].Version, "behind %d", behind)
		require.Equal(t, all[first-1:], got, "behind %d", behind)
	}
	v, err := line.Number(t.Context(), "test", 7, 1100)
	require.NoError(t, err)
	require.Equal(t, all[1099], v)
	v, err = line.AsOf(t.Context(), "test", 7, second(8))
	require.NoError(t, err)
	require.Equal(t, all[900], v)

	erased := stream([]float64{30}, domain.ClientErased{ID: 7})[0]
	erased.Sequence, erased.Version = 1200, 1201
	history := line.Log
	line.Log = broken{}
	_, err = line.Number(t.Context(), "test", 7, 1100)
	require.ErrorIs(t, err, errBroken)
	line.Log = stored{[]eventstore.Record{erased}, nil}
	left := part(line, 1100)
	require.Len(t, left, 1)
	require.Zero(t, left[0].Before)
	line.Log = history
	require.EqualValues(t, 1, part(line, 1100)[0].Version, "nothing was kept")

	other := slices.Clone(records)
	other[999].Checksum++
	line.Log = stored{other, nil}
	require.EqualValues(t, 1, part(line, 1100)[0].Version, "another event has the sequence")
}
