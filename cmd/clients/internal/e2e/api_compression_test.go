package e2e_test

import (
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const acceptGzip = "Accept-Encoding: gzip"

func gunzip(t *testing.T, r response) string {
	t.Helper()
	require.Equal(t, "gzip", r.header.Get("Content-Encoding"))
	reader, err := gzip.NewReader(strings.NewReader(r.body))
	require.NoError(t, err)
	plain, err := io.ReadAll(reader)
	require.NoError(t, err)
	return string(plain)
}

func TestCompressionOnRequest(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.createFrom("<name>SuprCorp</name><details>" + longDetails + "</details>")
	for range 20 {
		a.createFrom("<name>Many</name><details>" + longDetails + "</details>")
	}
	for _, p := range []string{path(id), path(id) + ".json", "/clients", "/clients.json", "/clients?updated_since=2010-09-25"} {
		plain := a.want(200, "GET", p, "")
		require.Empty(t, plain.header.Get("Content-Encoding"))
		for _, accepted := range []string{"gzip", "gzip, deflate, br", "deflate, gzip;q=0.5", "br, *;q=0.1, gzip"} {
			got := a.want(200, "GET", p, "", "Accept-Encoding: "+accepted)
			require.Equal(t, plain.body, gunzip(t, got), accepted)
			require.Less(t, len(got.body), len(plain.body)/2)
			require.Equal(t, plain.header.Get("Content-Type"), got.header.Get("Content-Type"))
			require.Equal(t, plain.header.Values("Vary"), got.header.Values("Vary"))
			require.Regexp(t, `^"[^"]+"$`, got.tag(), "strong")
			require.NotEqual(t, plain.tag(), got.tag(), "another representation")
			for _, tag := range []string{got.tag(), plain.tag()} {
				same := a.want(304, "GET", p, "", acceptGzip, "If-None-Match: "+tag)
				require.Empty(t, same.body)
				require.Equal(t, tag, same.tag())
			}
		}
		for _, accepted := range []string{"identity", "gzip;q=0", "br", ""} {
			require.Equal(t, plain.body, a.want(200, "GET", p, "", "Accept-Encoding: "+accepted).body, accepted)
		}
	}
	tag := a.want(200, "GET", path(id), "", acceptGzip).tag()
	a.update(id, "<name>Other</name>", "If-Match: "+tag)
	a.want(412, "PUT", path(id), "<client><name>x</name></client>", asXML, "If-Match: "+tag)
	a.want(200, "GET", path(id), "", acceptGzip, "If-None-Match: "+tag)
}

func TestCompressionOfShortAndEmptyResponses(t *testing.T) {
	t.Parallel()
	a := shared(t)
	created := a.want(201, "POST", "/clients", suprCorp, asXML, acceptGzip)
	require.Empty(t, created.body)
	require.Empty(t, created.header.Get("Content-Encoding"))
	one := path(created.id(t))
	require.Equal(t, a.want(200, "GET", one, "").body, gunzip(t, a.want(200, "GET", one, "", acceptGzip)))
	require.Empty(t, a.want(200, "HEAD", one, "", acceptGzip).body)
	require.Empty(t, a.want(200, "DELETE", one, "", acceptGzip).body)
	require.NotEmpty(t, a.want(404, "GET", one, "", acceptGzip).message(t), "too short to become shorter")
}

func TestACompressedRequestBodyIsRefused(t *testing.T) {
	t.Parallel()
	a := shared(t)
	a.want(415, "POST", "/clients", suprCorp, asXML, "Content-Encoding: gzip")
	a.want(201, "POST", "/clients", suprCorp, asXML, "Content-Encoding: identity")
	a.want(201, "POST", "/clients", suprCorp, asXML, "Content-Encoding: Identity")
}
