package e2e_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestTheCallersRequestIDIsReturnedAndStored(t *testing.T) {
	t.Parallel()
	a := shared(t)
	for i, id := range []string{"7b0f", "a-b_c.d:e/f+g=h@i", strings.Repeat("x", 128)} {
		for _, p := range []string{"/clients", "/clients/999999999", "/nowhere"} {
			require.Equal(t, id, a.do("GET", p, "", "X-Request-Id: "+id).header.Get("X-Request-Id"))
		}
		a.want(201, "POST", "/clients", suprCorp, asXML, "X-Request-Id: "+id)
		stored, err := url.PathUnescape(a.events()[i].header.Get("ce-correlationid"))
		require.NoError(t, err)
		require.Equal(t, id, stored)
	}
	given := a.want(200, "GET", "/clients", "", "X-Request-Id: blank inside").header.Get("X-Request-Id")
	require.NoError(t, uuid.Validate(given), "an id that cannot be used is replaced")
}

func TestTheTraceContextIsStored(t *testing.T) {
	t.Parallel()
	a := shared(t)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	a.want(201, "POST", "/clients", suprCorp, asXML, "Traceparent: 00-"+trace+"-00f067aa0ba902b7-01")
	a.want(201, "POST", "/clients", suprCorp, asXML, "Traceparent: nonsense")
	events := a.events()
	require.Regexp(t, "^00-"+trace+"-[0-9a-f]{16}-01$", events[0].header.Get("traceparent"))
	require.NotContains(t, events[0].header.Get("traceparent"), "00f067aa0ba902b7", "a span of its own")
	require.Regexp(t, "^00-[0-9a-f]{32}-[0-9a-f]{16}-00$", events[1].header.Get("traceparent"))
}
