package main

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestRequestIDIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for _, id := range []string{"7b0f", "a-b_c.d:e/f+g=h@i", strings.Repeat("x", 128)} {
		for _, p := range []string{"/clients", "/clients/999999", "/nowhere"} {
			require.Equal(t, id, a.do("GET", p, "", "X-Request-Id: "+id).header.Get("X-Request-Id"))
		}
		a.want(201, "POST", "/clients", newClient, asXML, "X-Request-Id: "+id)
		events := a.tap().messages()
		require.Equal(t, id, unescaped(t, events[len(events)-1].header.Get("ce-correlationid")), "events carry it on")
	}
}

func TestRequestIDIsMadeWhereThereIsNone(t *testing.T) {
	t.Parallel()
	a := launch(t)
	seen := map[string]bool{}
	for _, given := range []string{"", "", "blank inside", `quote"`, "semi;colon", strings.Repeat("x", 129), "ünicode", "a\tb"} {
		id := a.want(200, "GET", "/clients", "", "X-Request-Id: "+given).header.Get("X-Request-Id")
		require.NoError(t, uuid.Validate(id), "%q", given)
		require.False(t, seen[id], "each request has its own")
		seen[id] = true
	}
}

func TestRequestIDLeadsToTheLog(t *testing.T) {
	t.Parallel()
	settings := testSettings(t)
	settings.logLevel = 0 // info
	a := launchWith(t, settings)
	a.want(201, "POST", "/clients", "<client><name>Confidential</name></client>", asXML, "X-Request-Id: find-me")
	eventually(t, "the request is logged", func() bool { return strings.Contains(a.logged.String(), "request_id=find-me") })
	require.NotContains(t, a.logged.String(), "Confidential", "bodies are never logged")
}

func TestTraceContextGoesOnInTheEvent(t *testing.T) {
	t.Parallel()
	a := launch(t)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	a.want(201, "POST", "/clients", newClient, asXML, "Traceparent: 00-"+trace+"-00f067aa0ba902b7-01")
	a.want(201, "POST", "/clients", newClient, asXML, "Traceparent: nonsense")
	events := a.tap().messages()
	require.Regexp(t, "^00-"+trace+"-[0-9a-f]{16}-01$", events[0].header.Get("traceparent"))
	require.NotContains(t, events[0].header.Get("traceparent"), "00f067aa0ba902b7", "a span of its own")
	require.Regexp(t, "^00-[0-9a-f]{32}-[0-9a-f]{16}-00$", events[1].header.Get("traceparent"))
}
