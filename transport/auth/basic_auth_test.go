package auth_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"clients/transport/auth"

	"github.com/stretchr/testify/require"
)

func TestBasicAuthAsCallersSendIt(t *testing.T) {
	t.Parallel()
	encoded := base64.StdEncoding.EncodeToString([]byte("ann@example.com:se:cret!"))
	long := base64.StdEncoding.EncodeToString([]byte("ann:" + strings.Repeat("x", 100)))
	for given, want := range map[string][2]string{
		"Basic " + encoded:                         {"ann@example.com", "se:cret!"},
		"basic " + encoded:                         {"ann@example.com", "se:cret!"},
		"BASIC   " + encoded + " ":                 {"ann@example.com", "se:cret!"},
		"Basic (" + encoded + ")":                  {"ann@example.com", "se:cret!"},
		"Basic ( " + encoded + " )":                {"ann@example.com", "se:cret!"},
		"Basic " + strings.TrimRight(encoded, "="): {"ann@example.com", "se:cret!"},
		"Basic " + long[:60] + " " + long[60:]:     {"ann", strings.Repeat("x", 100)},
		"Basic OnNlY3JldA==":                       {"", "secret"},
		"Basic YW5uOg==":                           {"ann", ""},
	} {
		user, password, ok := auth.BasicAuth(http.Header{"Authorization": {given}})
		require.True(t, ok, given)
		require.Equal(t, want, [2]string{user, password}, given)
	}
}

func TestInvalidBasicAuth(t *testing.T) {
	t.Parallel()
	for _, given := range [][]string{
		nil, {""}, {"Basic"}, {"Basic "}, {"Bearer YW5uOnNlY3JldA=="}, {"YW5uOnNlY3JldA=="}, {"Basic YW5u"}, {"Basic ann:secret"},
		{"Basic (YW5uOnNlY3JldA=="}, {"Basic ()"}, {"Basic ="}, {"Basic YW5uOnNlY3JldA==", "Basic YW5uOnNlY3JldA=="},
	} {
		_, _, ok := auth.BasicAuth(http.Header{"Authorization": given})
		require.False(t, ok, "%q", given)
	}
}
