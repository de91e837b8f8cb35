package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// vault is a NATS whose streams are made by hand: anything can be put in, and taken out again.
type vault struct {
	*tap
	url    string
	stream jetstream.Stream // CLIENTS, without what protects it
}

// newVault makes a vault in which the ids up to 100 are handed out.
func newVault(t *testing.T) *vault {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	url := natstest.Run(t, 1).URL()
	v := &vault{tap: newTap(t, url), url: url}
	var err error
	v.stream, err = v.js.CreateStream(ctx, jetstream.StreamConfig{Name: "CLIENTS", Subjects: []string{"clients.>", "client-references.>"}})
	require.NoError(t, err)
	_, err = v.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: "CLIENTS_IDS", Subjects: []string{"client-ids"}, AllowMsgCounter: true, MaxMsgsPerSubject: 1,
	})
	require.NoError(t, err)
	v.publish("client-ids", nats.Header{"Nats-Incr": {"+100"}}, "")
	return v
}

// event stores a sound event of a client.
func (v *vault) event(account, kind string, id int64, version int, members string) uint64 {
	v.t.Helper()
	subject, data := fmt.Sprintf("clients.%s.%d", account, id), object(id, members)
	return v.publish(subject, envelope(subject, "clients.v1.Client"+kind, id, version, data), data)
}

func (v *vault) created(id int64) uint64 {
	v.t.Helper()
	return v.event("default", "Created", id, 1, `"name":"SuprCorp","active":true`)
}

func (v *vault) toggled(id int64, version int) uint64 {
	v.t.Helper()
	return v.event("default", "Toggled", id, version, `"active":false`)
}

// lose takes messages out of the stream, as damage does.
func (v *vault) lose(sequences ...uint64) {
	v.t.Helper()
	for _, sequence := range sequences {
		require.NoError(v.t, v.stream.DeleteMsg(v.t.Context(), sequence))
	}
}

// verified is what clients verify --json says.
type verified struct {
	code    int
	stderr  string
	faults  []verifiedFault
	places  []verifiedPlace // of the faults
	strays  []uint64
	notices []string
	summary struct {
		First, Last, Messages, Faults, Strays, Facts uint64
		RepeatedFacts                                uint64 `json:"repeated_facts"`
		Accounts, Clients, Deleted, Snapshots        int
		Types                                        map[string]int
		Seconds                                      float64
	}
	whole bool // there is a summary
}

type verifiedFault struct {
	Sequence, Last uint64
	Kind, Detail   string
}

type verifiedPlace struct {
	Stream, File string
	Offset       int64
}

// verify runs clients verify with further flags.
func verify(t *testing.T, flags ...string) (v verified) {
	t.Helper()
	var out string
	v.code, out, v.stderr = runInProcess(t, append([]string{"verify", "--json", "--strays"}, flags...)...)
	for line := range strings.Lines(out) {
		var object struct {
			Fault *struct {
				verifiedFault
				verifiedPlace
			}
			Stray  *struct{ Sequence uint64 }
			Notice *string
		}
		require.NoError(t, json.Unmarshal([]byte(line), &object), line)
		switch {
		case object.Fault != nil:
			v.faults = append(v.faults, object.Fault.verifiedFault)
			v.places = append(v.places, object.Fault.verifiedPlace)
		case object.Stray != nil:
			v.strays = append(v.strays, object.Stray.Sequence)
		case object.Notice != nil:
			v.notices = append(v.notices, *object.Notice)
		default:
			require.False(t, v.whole, "two summaries")
			v.whole = true
			summary := struct{ Summary any }{&v.summary}
			require.NoError(t, json.Unmarshal([]byte(line), &summary), line)
		}
	}
	return v
}

// requireFaults holds the faults against those that have to be there, in their order. Of a detail a part will do.
func (v verified) requireFaults(t *testing.T, want ...verifiedFault) {
	t.Helper()
	require.Len(t, v.faults, len(want), "%+v %s", v.faults, v.stderr)
	for i, fault := range v.faults {
		require.Contains(t, fault.Detail, want[i].Detail)
		want[i].Detail = fault.Detail
		require.Equal(t, want[i], fault)
	}
	require.True(t, v.whole)
	require.EqualValues(t, len(want), v.summary.Faults)
	require.Equal(t, min(len(want), 1), v.code)
}

// streams are the names of all streams.
func (p *tap) streams() (names []string) {
	p.t.Helper()
	lister := p.js.StreamNames(p.t.Context())
	for name := range lister.Name() {
		names = append(names, name)
	}
	require.NoError(p.t, lister.Err())
	return names
}
