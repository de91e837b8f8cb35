package transport

import (
	"math"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseRoute(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]route{
		"/clients":                     {resource: clientList},
		"/clients/":                    {resource: clientList},
		"/clients///":                  {resource: clientList},
		"/clients.xml":                 {resource: clientList, suffix: "xml"},
		"/clients.json":                {resource: clientList, suffix: "json"},
		"/clients.json/":               {resource: clientList, suffix: "json"},
		"/clients/123":                 {resource: oneClient, id: 123},
		"/clients/123/":                {resource: oneClient, id: 123},
		"/clients/123.xml":             {resource: oneClient, id: 123, suffix: "xml"},
		"/clients/123.json":            {resource: oneClient, id: 123, suffix: "json"},
		"/clients.json/123":            {resource: oneClient, id: 123, suffix: "json"},
		"/clients.json/123.xml":        {resource: oneClient, id: 123, suffix: "xml"},
		"/clients/9223372036854775807": {resource: oneClient, id: math.MaxInt64},
		"/clients/123/toggle":          {resource: clientState, id: 123},
		"/clients/123/toggle/":         {resource: clientState, id: 123},
		"/clients/123/toggle.json":     {resource: clientState, id: 123, suffix: "json"},
		"/clients/123.json/toggle":     {resource: clientState, id: 123, suffix: "json"},
		"//clients":                    {resource: clientList},
		"/clients//123":                {resource: oneClient, id: 123},
		"//clients//123///toggle//":    {resource: clientState, id: 123},
		"/account/who_am_i":            {resource: whoAmI},
		"//account//who_am_i.json/":    {resource: whoAmI, suffix: "json"},
		"/account/rate_limit_status":   {resource: rateStatus},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, want, parseRoute(path))
		})
	}
}

func TestParseRouteKnowsNothingElse(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"", "/", "//", "/projects", "/client", "/clientss", "/Clients", "/.xml", "/clients.yaml", "/clients.XML",
		"/clients/0", "/clients/-1", "/clients/+1", "/clients/1.5", "/clients/0x1", "/clients/1_0", "/clients/a", "/clients/ 1",
		"/clients/9223372036854775808", "/clients/18446744073709551616", "/clients/.xml", "/clients/١",
		"/clients/1/toggl", "/clients/1/Toggle", "/clients/a/toggle", "/clients/0/toggle",
		"/clients/1/toggle/x", "/clients/1/projects", "/clients/1.xml.json/toggle", "/v1/clients", "/account", "/account/who_am_i/1", "/who_am_i", "/account/clients",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, unknown, parseRoute(path).resource)
		})
	}
}

func TestAllowedMethods(t *testing.T) {
	t.Parallel()
	require.Equal(t, "GET, HEAD, POST", allowed(callsOf[clientList]))
	require.Equal(t, "DELETE, GET, HEAD, PUT", allowed(callsOf[oneClient]))
	require.Contains(t, callsOf[clientState], http.MethodPost)
	require.NotContains(t, callsOf[clientState], http.MethodGet)
	require.Empty(t, callsOf[unknown])
}
