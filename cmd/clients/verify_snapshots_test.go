package main

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// A snapshot is held against what the stream gives, for a start goes on from it without looking at what was before.
func TestVerifyTellsASnapshotThatIsNotWhatTheStreamGives(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(v *snapshotVault) []verifiedFault{
		"as it was saved": func(*snapshotVault) []verifiedFault { return nil },
		"a piece of it is gone": func(v *snapshotVault) []verifiedFault {
			v.purge("$O.CLIENTS_SNAPSHOTS.C.>")
			return []verifiedFault{v.fault("")}
		},
		"cut": func(v *snapshotVault) []verifiedFault {
			content, meta := v.get()
			v.put(content[:len(content)-5], meta)
			return []verifiedFault{v.fault("the snapshot cannot be read")}
		},
		"a bit is flipped": func(v *snapshotVault) []verifiedFault {
			content, meta := v.get()
			content[len(content)/2] ^= 1
			v.put(content, meta)
			return []verifiedFault{v.fault("the snapshot cannot be read")}
		},
		"of another release": func(v *snapshotVault) []verifiedFault {
			_, meta := v.get()
			v.put([]byte("clients snapshot 9\nhello"), meta)
			return []verifiedFault{v.fault("another form")}
		},
		"under another sequence": func(v *snapshotVault) []verifiedFault {
			content, meta := v.get()
			meta.Metadata["sequence"] = "1"
			v.put(content, meta)
			return []verifiedFault{{1, 1, "snapshot", fmt.Sprintf("one of sequence %d", v.sequence)}}
		},
		"of another moment": func(v *snapshotVault) []verifiedFault {
			content, meta := v.get()
			meta.Metadata["stored-at"] = time.Now().UTC().Format(time.RFC3339Nano)
			v.put(content, meta)
			return []verifiedFault{v.fault("taken of another stream")}
		},
		"no snapshot at all": func(v *snapshotVault) []verifiedFault {
			content, meta := v.get()
			meta.Name, meta.Metadata = "other", nil
			v.put(content, meta)
			return []verifiedFault{{0, 0, "snapshot", `the object "other" among the snapshots is none`}}
		},
		"another client's name in it": func(v *snapshotVault) []verifiedFault {
			content, _ := newSnapshotVault(v.t, "SuprCarp").get()
			_, meta := v.get()
			v.put(content, meta)
			return []verifiedFault{v.fault("it is not what the stream gives")}
		},
		"of a stream that went on": func(v *snapshotVault) []verifiedFault {
			longer := newSnapshotVault(v.t, "SuprCorp", "More")
			content, meta := longer.get()
			v.put(content, meta)
			return []verifiedFault{{longer.sequence, longer.sequence, "snapshot", fmt.Sprintf("the stream ends before it, at %d", v.sequence)}}
		},
		"of a stream that was emptied": func(v *snapshotVault) []verifiedFault {
			require.NoError(v.t, v.js.DeleteStream(v.t.Context(), "CLIENTS"))
			_, err := v.js.CreateStream(v.t.Context(), jetstream.StreamConfig{Name: "CLIENTS", Subjects: []string{"clients.>"}})
			require.NoError(v.t, err)
			return []verifiedFault{v.fault("the stream ends before it, at 0")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newSnapshotVault(t, "SuprCorp")
			want := damage(v)
			found := verify(t, "--nats-url", v.url)
			found.requireFaults(t, want...)
			if want == nil {
				require.Equal(t, 1, found.summary.Snapshots)
			}
		})
	}
}

// What has been purged cannot be replayed: then a snapshot has only to be readable.
func TestVerifyDoesNotCompareASnapshotOfWhatWasPurged(t *testing.T) {
	t.Parallel()
	v := newSnapshotVault(t, "SuprCorp")
	stream, err := v.js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	for _, keep := range []uint64{1, 0} {
		require.NoError(t, stream.Purge(t.Context(), jetstream.WithPurgeKeep(keep)))
		found := verify(t, "--nats-url", v.url)
		found.requireFaults(t, verifiedFault{1, v.sequence - keep, "missing", "gone"})
		require.Zero(t, found.summary.Snapshots)
	}
}

// snapshotVault is a NATS on which a service has run and left a snapshot.
type snapshotVault struct {
	*tap
	url      string
	objects  jetstream.ObjectStore
	sequence uint64 // of the snapshot
}

// newSnapshotVault has a service create clients of these names, and one more, with a project.
func newSnapshotVault(t *testing.T, names ...string) *snapshotVault {
	t.Helper()
	v := &snapshotVault{url: natstest.Run(t, 1).URL()}
	v.tap = newTap(t, v.url)
	v.sources()
	a := launchWith(t, externalSettings(t, 1, natsSettings{url: v.url}))
	for _, name := range names {
		a.named(name)
	}
	last := a.named("Last of " + names[0])
	v.say(project("Created", 1, fmt.Sprintf(`"client_id":%d`, last)))
	a.want(400, "DELETE", path(last), "")
	a.quit()
	v.sequence = v.lastSequence()
	var err error
	v.objects, err = v.js.ObjectStore(t.Context(), "CLIENTS_SNAPSHOTS")
	require.NoError(t, err)
	return v
}

// get answers the snapshot.
func (v *snapshotVault) get() ([]byte, jetstream.ObjectMeta) {
	v.t.Helper()
	objects, err := v.objects.List(v.t.Context())
	require.NoError(v.t, err)
	require.Len(v.t, objects, 1)
	object, err := v.objects.Get(v.t.Context(), objects[0].Name)
	require.NoError(v.t, err)
	defer object.Close()
	content, err := io.ReadAll(object)
	require.NoError(v.t, err)
	return content, objects[0].ObjectMeta
}

// put stores an object in the place of the snapshot.
func (v *snapshotVault) put(content []byte, meta jetstream.ObjectMeta) {
	v.t.Helper()
	v.purge("$O.CLIENTS_SNAPSHOTS.>")
	_, err := v.objects.Put(v.t.Context(), meta, bytes.NewReader(content))
	require.NoError(v.t, err)
}

func (v *snapshotVault) purge(subject string) {
	v.t.Helper()
	stream, err := v.js.Stream(v.t.Context(), "OBJ_CLIENTS_SNAPSHOTS")
	require.NoError(v.t, err)
	require.NoError(v.t, stream.Purge(v.t.Context(), jetstream.WithPurgeSubject(subject)))
}

func (v *snapshotVault) fault(detail string) verifiedFault {
	return verifiedFault{v.sequence, v.sequence, "snapshot", detail}
}
