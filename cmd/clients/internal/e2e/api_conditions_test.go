package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// longDetails make a response worth compressing.
var longDetails = strings.Repeat("123 Main St. Third Floor New York, NY 10011 USA\n", 60)

// HEAD is GET without the body. Tags are strong, differ by format, and a cache has to revalidate them each time.
func TestHeadersOfReads(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp")
	tags := make(map[string]string)
	for _, p := range []string{path(id), path(id) + ".json", "/clients", "/clients.json", "/clients?updated_since=2010-09-25"} {
		get, head := a.want(200, "GET", p, ""), a.want(200, "HEAD", p, "")
		require.Empty(t, head.body)
		for _, name := range []string{"Content-Type", "ETag", "Vary", "Cache-Control"} {
			require.Equal(t, get.header.Values(name), head.header.Values(name), "%s of %s", name, p)
		}
		require.Regexp(t, `^"[^"]+"$`, get.tag())
		require.Subset(t, get.header.Values("Vary"), []string{"Accept-Encoding", "Accept, Content-Type, Authorization"})
		require.Equal(t, "private, no-cache", get.header.Get("Cache-Control"))
		same := a.want(304, "HEAD", p, "", "If-None-Match: "+get.tag())
		require.Equal(t, get.tag(), same.tag())
		require.Equal(t, get.header.Values("Vary"), same.header.Values("Vary"))
		a.want(304, "GET", p, "", `If-None-Match: "other",`+get.tag()+`,"more"`)
		for _, other := range []string{`"other"`, "", strings.Trim(get.tag(), `"`)} {
			a.want(200, "GET", p, "", "If-None-Match: "+other)
		}
		tags[p] = get.tag()
	}
	require.NotEqual(t, tags[path(id)], tags[path(id)+".json"])
	require.NotEqual(t, tags["/clients"], tags["/clients.json"])
	require.Empty(t, a.want(404, "HEAD", path(id+1_000_000), "").body)
}

func TestTagsChangeWithEveryChange(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp")
	seen := map[string]bool{}
	fresh := func(p string) {
		tag := p + a.want(200, "GET", p, "").tag()
		require.False(t, seen[tag], tag)
		seen[tag] = true
	}
	for _, change := range []func(){
		func() {},
		func() { a.update(id, "<name>Other</name>") },
		func() { a.update(id, "<name>SuprCorp</name>") }, // back, and yet another version
		func() { a.want(200, "POST", togglePath(id), "") },
	} {
		change()
		fresh(path(id))
		fresh("/clients")
	}
	other := a.create("Other")
	fresh("/clients")
	a.want(200, "DELETE", path(other), "")
	fresh("/clients")
	tag := a.want(200, "GET", "/clients", "").tag()
	a.update(id, "<name>SuprCorp</name>") // changes nothing
	require.Equal(t, tag, a.want(200, "GET", "/clients", "").tag())
}

// A write returns the tag of the next GET in the same format and accepts tags of all formats.
func TestTagsOfWrites(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.createFrom("<name>SuprCorp</name><details>" + longDetails + "</details>")
	const gzip = "Accept-Encoding: gzip"
	for i, given := range [][]string{{acceptXML}, {acceptJSON}, {acceptXML, gzip}, {acceptJSON, gzip}} {
		for _, sent := range []string{acceptXML, acceptJSON} {
			tag := func() string { return "If-Match: " + a.want(200, "GET", path(id), "", given...).tag() }
			version := a.get(id).CacheVersion
			put := a.want(200, "PUT", path(id), `{"client":{"name":`+jsonOf(t, string(rune('a'+i))+sent)+`}}`, asJSON, sent, tag())
			require.Equal(t, a.want(200, "GET", path(id), "", sent).tag(), put.tag())
			toggle := a.want(200, "POST", togglePath(id), "", sent, tag())
			require.Equal(t, a.want(200, "GET", path(id), "", sent).tag(), toggle.tag())
			require.Equal(t, version+2, a.get(id).CacheVersion)
		}
	}
	tag := a.want(200, "GET", path(id), "", acceptJSON).tag()
	a.want(200, "DELETE", path(id), "", `If-Match: "other", `+tag)
}
