package main

import (
	"regexp"
	"strconv"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

var (
	ownStreams   = []string{"CLIENTS", "CLIENTS_IDS", "CLIENTS_QUARANTINE", "KV_CLIENTS_KEYS", "OBJ_CLIENTS_SNAPSHOTS"}
	otherStreams = []string{"PROJECTS", "INVOICES"}
)

// measured reads a metric, with its labels or "".
func (a *app) measured(name, labels string) float64 {
	a.t.Helper()
	if labels != "" {
		labels = "{" + labels + "}"
	}
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name+labels) + ` (\S+)$`).FindStringSubmatch(a.ops("/metrics").body)
	require.NotNil(a.t, found, name+labels)
	value, err := strconv.ParseFloat(found[1], 64)
	require.NoError(a.t, err)
	return value
}

func TestMetricsTellWhichStreamsAnswer(t *testing.T) {
	t.Parallel()
	a := launch(t)
	up := func(stream string) bool { return a.labelled("clients_stream_up", `stream="`+stream+`"`) == 1 }
	for _, stream := range append(ownStreams, otherStreams...) {
		eventually(t, stream+" is up", func() bool { return up(stream) })
	}
	require.NoError(t, a.tap().js.DeleteStream(t.Context(), "INVOICES"))
	eventually(t, "INVOICES is down", func() bool { return !up("INVOICES") })
	require.True(t, up("PROJECTS"), "it is not concerned")
	require.Zero(t, a.measured("clients_references_lag_seconds", `stream="INVOICES"`))
	a.embedded.Shutdown()
	for _, stream := range append(ownStreams, otherStreams...) {
		eventually(t, stream+" is down", func() bool { return !up(stream) })
	}
	require.Zero(t, a.measured("clients_projection_lag_seconds", ""), "nobody knows of more")
	require.Positive(t, a.measured("clients_storage_limit_bytes", ""), "what was known last")
}

// A directory that does not follow any more is behind, and so is what it would learn of other services.
func TestMetricsTellALag(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	other := a.tap()
	other.say(project("Created", 1, `"client_id":`+strconv.FormatInt(id, 10)))
	a.want(400, "DELETE", path(id), "")
	eventually(t, "it is looked at", func() bool { return a.labelled("clients_stream_up", `stream="PROJECTS"`) == 1 })
	for _, caughtUp := range []string{"clients_projection_lag_seconds", "clients_projection_lag_events"} {
		require.Zero(t, a.measured(caughtUp, ""))
	}
	require.Zero(t, a.measured("clients_references_lag_seconds", `stream="PROJECTS"`))

	newer := corruptions(id)["event of a newer release"]
	other.publish(newer.subject, newer.header, newer.data)
	eventually(t, "it does not follow any more", func() bool { return a.directory.Err() != nil })
	other.say(project("Created", 2, `"client_id":`+strconv.FormatInt(id, 10)))
	eventually(t, "reads are behind", func() bool { return a.measured("clients_projection_lag_seconds", "") > 0 })
	require.Positive(t, a.measured("clients_projection_lag_events", ""))
	before := a.measured("clients_projection_lag_seconds", "")
	require.Greater(t, a.measured("clients_projection_lag_seconds", ""), before, "it is as of the scrape")
	eventually(t, "references are behind", func() bool { return a.measured("clients_references_lag_seconds", `stream="PROJECTS"`) > 0 })
	require.EqualValues(t, 1, a.measured("clients_references_lag_messages", `stream="PROJECTS"`))
	require.Zero(t, a.measured("clients_references_lag_seconds", `stream="INVOICES"`))
}

func TestMetricsTellHowFullTheStoreIs(t *testing.T) {
	t.Parallel()
	a := launch(t)
	a.named("SuprCorp")
	eventually(t, "it is asked", func() bool { return a.measured("clients_storage_used_bytes", "") > 0 })
	require.InDelta(t, a.embedded.Room(0), a.measured("clients_storage_limit_bytes", ""), 1<<30)
	require.Less(t, a.measured("clients_storage_used_bytes", ""), a.measured("clients_storage_limit_bytes", ""))
}

// The servers do not tell what they have room for, only what the account has.
func TestMetricsTellNoLimitWhereThereIsNone(t *testing.T) {
	t.Parallel()
	a := launchWith(t, externalSettings(t, 1, natsSettings{url: natstest.Run(t, 1).URL()}))
	a.named("SuprCorp")
	eventually(t, "it is asked", func() bool { return a.measured("clients_storage_used_bytes", "") > 0 })
	require.Contains(t, a.ops("/metrics").body, "\nclients_storage_limit_bytes +Inf\n")
}
