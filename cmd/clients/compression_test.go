package main

import (
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// longText makes an answer long enough for compression to pay.
var longText = strings.Repeat("123 Main St. Third Floor New York, NY 10011 USA\n", 60)

func gunzip(t *testing.T, a answer) string {
	t.Helper()
	require.Equal(t, "gzip", a.header.Get("Content-Encoding"))
	reader, err := gzip.NewReader(strings.NewReader(a.body))
	require.NoError(t, err)
	plain, err := io.ReadAll(reader)
	require.NoError(t, err)
	return string(plain)
}

func TestCompressionWhenAskedFor(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.create("<name>SuprCorp</name><details>" + longText + "</details>")
	for range 200 {
		a.named("Many")
	}
	for _, p := range []string{path(id), path(id) + ".json", "/clients", "/clients.json", "/clients?updated_since=2010-09-25"} {
		plain := a.want(200, "GET", p, "")
		require.Empty(t, plain.header.Get("Content-Encoding"))
		for _, asked := range []string{"gzip", "gzip, deflate, br", "deflate, gzip;q=0.5", "br, *;q=0.1, gzip"} {
			got := a.want(200, "GET", p, "", "Accept-Encoding: "+asked)
			require.Equal(t, plain.body, gunzip(t, got), asked)
			require.Less(t, len(got.body), len(plain.body)/2)
			require.Equal(t, plain.header.Get("Content-Type"), got.header.Get("Content-Type"))
			require.Equal(t, plain.header.Values("Vary"), got.header.Values("Vary"))
		}
		for _, asked := range []string{"identity", "gzip;q=0", "br", ""} {
			require.Equal(t, plain.body, a.want(200, "GET", p, "", "Accept-Encoding: "+asked).body, asked)
		}
	}
}

func TestCompressionOfOneShortClient(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.create("<name>x</name>")
	plain := a.want(200, "GET", path(id), "")
	require.Equal(t, plain.body, gunzip(t, a.want(200, "GET", path(id), "", "Accept-Encoding: gzip")))
}

func TestACompressedRequestBodyIsRefused(t *testing.T) {
	t.Parallel()
	a := launch(t)
	a.want(415, "POST", "/clients", "<client><name>x</name></client>", asXML, "Content-Encoding: gzip")
	a.want(201, "POST", "/clients", "<client><name>x</name></client>", asXML, "Content-Encoding: identity")
}

// What is compressed is another representation: its tag is another one, and is known again.
func TestCompressionHasATagOfItsOwn(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.create("<name>SuprCorp</name><details>" + longText + "</details>")
	for _, p := range []string{path(id), "/clients"} {
		plain, packed := a.want(200, "GET", p, ""), a.want(200, "GET", p, "", "Accept-Encoding: gzip")
		require.NotEqual(t, plain.tag(), packed.tag())
		require.Regexp(t, `^"[^"]+"$`, packed.tag(), "strong")
		for _, tag := range []string{packed.tag(), plain.tag()} {
			same := a.want(304, "GET", p, "", "Accept-Encoding: gzip", "If-None-Match: "+tag)
			require.Empty(t, same.body)
			require.Equal(t, tag, same.tag())
		}
	}
	tag := a.want(200, "GET", path(id), "", "Accept-Encoding: gzip").tag()
	a.update(id, "<name>Other</name>", "If-Match: "+tag)
	a.want(412, "PUT", path(id), "<client><name>x</name></client>", asXML, "If-Match: "+tag)
	a.want(200, "GET", path(id), "", "Accept-Encoding: gzip", "If-None-Match: "+tag)
}

func TestCompressionOfRefusalsAndEmptyAnswers(t *testing.T) {
	t.Parallel()
	a := launch(t)
	created := a.want(201, "POST", "/clients", "<client><name>x</name></client>", asXML, "Accept-Encoding: gzip")
	require.Empty(t, created.body)
	require.Empty(t, created.header.Get("Content-Encoding"))
	require.Empty(t, a.want(200, "DELETE", path(created.id(t)), "", "Accept-Encoding: gzip").body)
	require.NotEmpty(t, a.want(404, "GET", path(created.id(t)), "", "Accept-Encoding: gzip").message(t), "too short to become shorter")
	head := a.want(200, "HEAD", "/clients", "", "Accept-Encoding: gzip")
	require.Empty(t, head.body)
}
