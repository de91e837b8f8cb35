package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// What lies beside the stream of events is looked at as well: keys, and the quarantine.
func TestVerifyTellsKeysAndQuarantineThatAreNotAsTheServiceLeftThem(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(v *besideVault) []verifiedFault{
		"as it was left": func(*besideVault) []verifiedFault { return nil },
		"garbage under a key": func(v *besideVault) []verifiedFault {
			sequence, err := v.keys.PutString(t.Context(), "default.x", "garbage")
			require.NoError(v.t, err)
			return []verifiedFault{{sequence, sequence, "reservation", "$KV.CLIENTS_KEYS.default.x cannot be read"}}
		},
		"something else under a key": func(v *besideVault) []verifiedFault {
			sequence, err := v.keys.PutString(t.Context(), "default.x", "{}")
			require.NoError(v.t, err)
			return []verifiedFault{{sequence, sequence, "reservation", "$KV.CLIENTS_KEYS.default.x is no reservation"}}
		},
		"another version": func(v *besideVault) []verifiedFault {
			return v.altered(func(answer map[string]any) { answer["answer"].(map[string]any)["version"] = 7 }, "with version 7 of client 1")
		},
		"another checksum": func(v *besideVault) []verifiedFault {
			return v.altered(func(answer map[string]any) { answer["answer"].(map[string]any)["checksum"] = "0123456789abcdef" }, "the checksum 0123456789abcdef")
		},
		"another event": func(v *besideVault) []verifiedFault {
			return v.altered(func(answer map[string]any) { answer["event_id"] = "another" }, "its event another is not in the stream")
		},
		"another client": func(v *besideVault) []verifiedFault {
			return v.altered(func(answer map[string]any) { answer["client_id"] = 2 }, "version 1 of client 2")
		},
		"no reason": func(v *besideVault) []verifiedFault {
			sequence := v.publish("clients-quarantine.PROJECTS.1.2", nil, "{}")
			return []verifiedFault{{sequence, sequence, "quarantine", "why it is in quarantine"}}
		},
		"a reason alone": func(v *besideVault) []verifiedFault {
			sequence := v.publish("clients-quarantine.PROJECTS.1.2", nats.Header{"Quarantine-Reason": {"malformed"}}, "{}")
			return []verifiedFault{{sequence, sequence, "quarantine", "where it was read"}}
		},
		"neither of the streams": func(v *besideVault) []verifiedFault {
			require.NoError(v.t, v.js.DeleteStream(t.Context(), "KV_CLIENTS_KEYS"))
			require.NoError(v.t, v.js.DeleteStream(t.Context(), "CLIENTS_QUARANTINE"))
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newBesideVault(t)
			want := damage(v)
			found := verify(t, "--nats-url", v.url)
			found.requireFaults(t, want...)
			for _, place := range found.places {
				require.NotEmpty(t, place.Stream)
			}
			if want == nil && name == "as it was left" {
				require.Equal(t, []int{1, 1}, []int{found.summary.Keys, found.summary.Quarantined})
			}
		})
	}
}

// besideVault is a NATS on which a service has run and left a key that answers, one that was released, and a message in
// quarantine.
type besideVault struct {
	*tap
	url  string
	keys jetstream.KeyValue
}

func newBesideVault(t *testing.T) *besideVault {
	t.Helper()
	v := &besideVault{url: natstest.Run(t, 1).URL()}
	v.tap = newTap(t, v.url)
	v.sources()
	a := launchWith(t, externalSettings(t, 1, natsSettings{url: v.url}))
	a.want(201, "POST", "/clients", newClient, asXML, "Idempotency-Key: answered")
	a.want(400, "POST", "/clients", "<client></client>", asXML, "Idempotency-Key: released")
	v.say(project("Created", 1, `"client_id":"none"`))
	eventually(t, "it is in quarantine", func() bool {
		stream, err := v.js.Stream(t.Context(), "CLIENTS_QUARANTINE")
		return err == nil && stream.CachedInfo().State.Msgs == 1
	})
	a.quit()
	var err error
	v.keys, err = v.js.KeyValue(t.Context(), "CLIENTS_KEYS")
	require.NoError(t, err)
	return v
}

// altered changes what stands under the key that answers.
func (v *besideVault) altered(change func(answer map[string]any), detail string) []verifiedFault {
	v.t.Helper()
	names, err := v.keys.Keys(v.t.Context())
	require.NoError(v.t, err)
	require.Len(v.t, names, 1)
	entry, err := v.keys.Get(v.t.Context(), names[0])
	require.NoError(v.t, err)
	var stored map[string]any
	require.NoError(v.t, json.Unmarshal(entry.Value(), &stored))
	change(stored)
	value, err := json.Marshal(stored)
	require.NoError(v.t, err)
	sequence, err := v.keys.Put(v.t.Context(), names[0], value)
	require.NoError(v.t, err, fmt.Sprint(stored))
	return []verifiedFault{{sequence, sequence, "reservation", detail}}
}
