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

// The trace context is stored exactly when the request has a valid one, whether requests are traced or not.
func TestTheTraceContextIsStored(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string][]string{
		"not traced": nil,
		"traced":     {"OTEL_EXPORTER_OTLP_ENDPOINT=" + collectTraces(t).URL},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, settings...)
			const given = "Traceparent: 00-" + callersTrace + "-" + callersSpan + "-01"
			id := s.want(201, "POST", "/clients", suprCorp, asXML, given).id(t)
			s.want(200, "POST", togglePath(id), "")
			s.want(200, "POST", togglePath(id), "", "Traceparent: nonsense")
			s.update(id, "<name>Other</name>", given)
			stored := events(t, s.partner(t), "clients.>")
			require.Len(t, stored, 4)
			for i, e := range stored {
				if traced := i == 0 || i == 3; traced {
					require.Regexp(t, "^00-"+callersTrace+"-[0-9a-f]{16}-01$", e.header.Get("traceparent"))
					require.NotContains(t, e.header.Get("traceparent"), callersSpan, "a span of its own")
				} else {
					require.NotContains(t, e.header, "traceparent")
				}
			}
		})
	}
}
