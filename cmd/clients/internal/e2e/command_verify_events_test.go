package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// vault is a NATS server whose streams a test creates and changes without restrictions.
type vault struct {
	t         *testing.T
	js        jetstream.JetStream
	stream    jetstream.Stream // CLIENTS
	variables []string
}

func newVault(t *testing.T) *vault {
	t.Helper()
	url := natstest.Run(t, 1).URL()
	_, js := connect(t, url)
	v := &vault{t: t, js: js, variables: []string{"CLIENTS_NATS_URL=" + url}}
	var err error
	v.stream, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CLIENTS", Subjects: []string{"clients.>", "client-references.>"}})
	require.NoError(t, err)
	return v
}

// put stores messages and returns the last sequence.
func (v *vault) put(messages ...*nats.Msg) (sequence uint64) {
	v.t.Helper()
	for _, m := range messages {
		sequence = publish(v.t, v.js, m)
	}
	return sequence
}

func created(id int64) *nats.Msg {
	return clientEvent("default", "Created", id, 1, `"name":"SuprCorp","active":true`)
}

func toggled(id int64, version int) *nats.Msg {
	return clientEvent("default", "Toggled", id, version, `"active":false`)
}

func deleted(id int64, version int) *nats.Msg {
	return clientEvent("default", "Deleted", id, version, "")
}

// altered returns an event with a changed header and the checksum for it.
func altered(m *nats.Msg, name, value string) *nats.Msg {
	m.Header.Set(name, value)
	return sealed(m)
}

// Each fault is reported once, and reading continues after it. A row has the messages, and for each faulty one the kind of the
// fault.
func TestVerifyReportsEachFaultOfTheStream(t *testing.T) {
	t.Parallel()
	type row struct {
		m    *nats.Msg
		kind string
	}
	broken := func(name string) *nats.Msg { return corruptions(1)[name] }
	for name, rows := range map[string][]row{
		"unreadable events": {
			{created(1), ""}, {broken("wrong checksum"), "corrupt"}, {broken("flipped bit"), "corrupt"}, {broken("body that is no JSON"), "corrupt"},
			{broken("body of another client"), "corrupt"}, {altered(toggled(1, 2), "ce-time", "yesterday"), ""}, // the last is foreign
			{toggled(1, 6), "order"},
		},
		"events of a newer release": {
			{created(1), ""}, {broken("event of a newer release"), "unknown-type"}, {created(2), ""}, {toggled(2, 2), ""},
		},
		"an unreadable creation": {
			{broken("wrong checksum"), "corrupt"}, {toggled(1, 2), "order"}, {toggled(1, 3), ""}, {deleted(1, 4), ""}, {created(1), ""},
		},
		"versions that do not continue": {
			{created(1), ""}, {toggled(1, 5), "order"}, {toggled(1, 5), ""}, {toggled(1, 6), ""},
			{clientEvent("default", "Created", 1, 7, `"name":"x"`), "order"}, {deleted(1, 8), ""}, {toggled(1, 9), ""},
			{toggled(2, 1), "order"}, {deleted(3, 2), "order"}, {toggled(3, 3), ""},
		},
		"an id in two accounts": {
			{created(1), ""}, {clientEvent("other", "Created", 1, 1, `"name":"x"`), "two-accounts"}, {toggled(1, 2), ""},
			{clientEvent("other", "Toggled", 1, 2, `"active":false`), "two-accounts"}, {toggled(1, 3), ""},
		},
		"unreadable facts": {
			{envelope("client-references.default.1", "client-references.v9.ProjectRecorded", 1, 1, "{}"), "unknown-type"},
			{message("client-references.default.1", "{}", "ce-specversion", "1.0", "ce-id", "x", "ce-type", "client-references.v1.ProjectRecorded",
				"ce-clientversion", "1", "ce-checksum", "0123456789abcdef"), "corrupt"},
		},
		"no event": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVault(t)
			var want []fault
			for _, r := range rows {
				if sequence := v.put(r.m); r.kind != "" {
					want = append(want, fault{Sequence: sequence, Last: sequence, Kind: r.kind})
				}
			}
			found := verify(t, v.variables)
			found.requireFaults(t, want...)
			require.EqualValues(t, len(rows), lastSequence(t, v.js), "nothing is stored")
			text := run(t, v.variables, "verify")
			require.Equal(t, min(len(want), 1), text.code)
			for _, f := range want {
				require.Contains(t, text.stdout, fmt.Sprintf("sequence %d: %s: ", f.Sequence, f.Kind))
			}
			require.Regexp(t, fmt.Sprintf(`(?m)^faults +%d$`, len(want)), text.stdout)
		})
	}
}

// Removed messages are reported as missing. The clients that they leave incomplete are no further fault.
func TestVerifyReportsMissingMessages(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	for id := range int64(40) {
		v.put(created(id + 1))
	}
	v.put(toggled(5, 2), toggled(5, 3), created(99), created(98))
	for _, sequence := range []uint64{3, 4, 10, 12, 13, 14, 41, 43, 44} {
		require.NoError(t, v.stream.DeleteMsg(t.Context(), sequence))
	}
	missing := func(first, last uint64) fault { return fault{first, last, "missing", ""} }
	verify(t, v.variables).requireFaults(t, missing(3, 4), missing(10, 10), missing(12, 14), missing(41, 41), fault{42, 42, "order", ""}, missing(43, 44))
	require.NoError(t, v.stream.Purge(t.Context(), jetstream.WithPurgeSequence(6)))
	v.put(toggled(6, 2))
	verify(t, v.variables).requireFaults(t, missing(1, 5), missing(10, 10), missing(12, 14), missing(41, 41), missing(43, 44))
	require.NoError(t, v.stream.Purge(t.Context()))
	verify(t, v.variables).requireFaults(t, missing(1, 45))
}

// A message whose headers look like a status of the server does not reach a consumer, and is stored.
func TestVerifyReadsMessagesThatLookLikeAStatus(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.put(created(1))
	for _, header := range []string{"NATS/1.0 503\r\n\r\n", "NATS/1.0 409 Consumer Deleted\r\n\r\n", "NATS/1.0 100 Idle Heartbeat\r\n\r\n"} {
		natstest.PublishRaw(t, v.variables[0][len("CLIENTS_NATS_URL="):], "clients.default.1", header, "")
	}
	eventually(t, func() bool { return lastSequence(t, v.js) == 4 }, "they are stored")
	v.put(toggled(1, 2))
	found := verify(t, v.variables)
	found.requireFaults(t)
	require.Equal(t, []uint64{2, 3, 4}, found.foreign)
}

// A start continues from a snapshot without reading older events, so verify compares the snapshot with the stream.
func TestVerifyReportsASnapshotThatDiffersFromTheStream(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func(t *testing.T, s snapshot){
		"as it was saved":    nil,
		"cut":                func(t *testing.T, s snapshot) { s.put(t, s.content[:len(s.content)-5]) },
		"a flipped bit":      func(t *testing.T, s snapshot) { s.content[len(s.content)/2] ^= 1; s.put(t, s.content) },
		"another name in it": func(t *testing.T, s snapshot) { s.put(t, newSnapshot(t, "SuprCarp").content) },
		"a chunk is missing": func(t *testing.T, s snapshot) { s.purge(t, "$O.CLIENTS_SNAPSHOTS.C.>") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSnapshot(t, "SuprCorp")
			if alter == nil {
				found := verify(t, s.variables)
				found.requireFaults(t)
				require.Equal(t, 1, found.summary.Snapshots)
				return
			}
			alter(t, s)
			verify(t, s.variables).requireFaults(t, fault{s.sequence, s.sequence, "snapshot", ""})
		})
	}
}

// snapshot is the snapshot that a service stored on an external server when it stopped.
type snapshot struct {
	*service
	js       jetstream.JetStream
	meta     jetstream.ObjectMeta
	content  []byte
	sequence uint64
}

// newSnapshot returns the snapshot of a service in which a client with a project was created.
func newSnapshot(t *testing.T, name string) snapshot {
	t.Helper()
	s := snapshot{service: startExternal(t)}
	s.js = s.administrator(t)
	id := s.create(name)
	project(t, s.js, "ProjectCreated", 1, fmt.Sprintf(`"client_id":%d`, id))
	s.references(id)
	require.Zero(t, s.stop(t))
	s.sequence = lastSequence(t, s.js)
	objects, err := s.js.ObjectStore(t.Context(), "CLIENTS_SNAPSHOTS")
	require.NoError(t, err)
	list, err := objects.List(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	s.meta = list[0].ObjectMeta
	object, err := objects.Get(t.Context(), list[0].Name)
	require.NoError(t, err)
	defer object.Close()
	s.content, err = io.ReadAll(object)
	require.NoError(t, err)
	return s
}

// put replaces the snapshot.
func (s snapshot) put(t *testing.T, content []byte) {
	t.Helper()
	s.purge(t, "$O.CLIENTS_SNAPSHOTS.>")
	objects, err := s.js.ObjectStore(t.Context(), "CLIENTS_SNAPSHOTS")
	require.NoError(t, err)
	_, err = objects.Put(t.Context(), s.meta, bytes.NewReader(content))
	require.NoError(t, err)
}

func (s snapshot) purge(t *testing.T, subject string) {
	t.Helper()
	stream, err := s.js.Stream(t.Context(), "OBJ_CLIENTS_SNAPSHOTS")
	require.NoError(t, err)
	require.NoError(t, stream.Purge(t.Context(), jetstream.WithPurgeSubject(subject)))
}
