package main

import (
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGetAnswersCarryAStrongTagAndVary(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for _, p := range []string{path(id), "/clients", "/clients?updated_since=2010-09-25"} {
		inXML, inJSON := a.want(200, "GET", p, "", acceptXML), a.want(200, "GET", p, "", acceptJSON)
		for _, got := range []answer{inXML, inJSON} {
			require.Regexp(t, `^"[^"]+"$`, got.tag(), "strong, and quoted")
			vary := got.header.Values("Vary")
			require.Contains(t, vary, "Accept-Encoding")
			require.Contains(t, vary, "Accept, Content-Type, Authorization")
			require.Equal(t, "private, no-cache", got.header.Get("Cache-Control"), "kept, but asked about each time")
		}
		require.NotEqual(t, inXML.tag(), inJSON.tag(), p)
	}
}

func TestIfNoneMatchAnswersNotModified(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for _, p := range []string{path(id), "/clients", "/clients?updated_since=2010-09-25"} {
		inXML, inJSON := a.want(200, "GET", p, "", acceptXML), a.want(200, "GET", p, "", acceptJSON)
		for _, given := range []string{inXML.tag(), "W/" + inXML.tag(), "*", `"other", ` + inXML.tag(), `"other",` + inXML.tag() + `,"more"`} {
			got := a.want(304, "GET", p, "", acceptXML, "If-None-Match: "+given)
			require.Empty(t, got.body)
			require.Equal(t, inXML.tag(), got.tag())
			require.Equal(t, inXML.header.Values("Vary"), got.header.Values("Vary"))
		}
		for _, given := range []string{inJSON.tag(), `"other"`, "", inXML.tag()[1 : len(inXML.tag())-1]} {
			a.want(200, "GET", p, "", acceptXML, "If-None-Match: "+given)
		}
	}
}

func TestTagsChangeWithEveryChange(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
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
	other := a.named("Other")
	fresh("/clients")
	a.want(200, "DELETE", path(other), "")
	fresh("/clients")
	tag := a.want(200, "GET", "/clients", "").tag()
	a.update(id, "<name>SuprCorp</name>") // changes nothing
	require.Equal(t, tag, a.want(200, "GET", "/clients", "").tag())
}

func TestTagsOutliveARestart(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	a.update(id, "<name>Other</name>")
	one, all := a.want(200, "GET", path(id), "").tag(), a.want(200, "GET", "/clients", "").tag()
	a = a.relaunch()
	a.want(304, "GET", path(id), "", "If-None-Match: "+one)
	a.want(304, "GET", "/clients", "", "If-None-Match: "+all)
}

func TestWritesReturnTheNewTag(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for _, accept := range []string{acceptXML, acceptJSON} {
		put := a.update(id, "<name>With "+accept+"</name>", accept)
		require.Equal(t, a.want(200, "GET", path(id), "", accept).tag(), put.tag())
		same := a.update(id, "<name>With "+accept+"</name>", accept)
		require.Equal(t, put.tag(), same.tag(), "also where nothing changes")
		toggle := a.want(200, "POST", togglePath(id), "", accept)
		require.NotEqual(t, put.tag(), toggle.tag())
		require.Equal(t, a.want(200, "GET", path(id), "", accept).tag(), toggle.tag())
	}
}

func TestIfMatchTakesTheTagsOfAllFormats(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.create("<name>SuprCorp</name><details>" + longText + "</details>")
	const gzip = "Accept-Encoding: gzip"
	for _, given := range [][]string{{acceptXML}, {acceptJSON}, {acceptXML, gzip}, {acceptJSON, gzip}} {
		for _, sent := range []string{acceptXML, acceptJSON} {
			tag := func() string { return "If-Match: " + a.want(200, "GET", path(id), "", given...).tag() }
			version := a.get(id).CacheVersion
			a.want(200, "PUT", path(id), `{"client":{"name":`+jsonOf(t, time.Now())+`}}`, asJSON, sent, tag())
			a.want(200, "POST", togglePath(id), "", sent, tag())
			require.Equal(t, version+2, a.get(id).CacheVersion)
		}
	}
	a.want(200, "PUT", path(id), "<client><name>x</name></client>", asXML, "If-Match: *")
	tag := a.want(200, "GET", path(id), "", acceptJSON).tag()
	a.want(200, "DELETE", path(id), "", `If-Match: "other", `+tag)
}

func TestIfMatchRefusesWhenTheClientHasMovedOn(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	old := a.want(200, "GET", path(id), "").tag()
	a.update(id, "<name>Other</name>")
	before, last := a.get(id), a.tap().lastSequence()
	now := a.want(200, "GET", path(id), "").tag()
	for _, given := range []string{old, `"other"`, "W/" + now, `""`, "nonsense", `"` + url.PathEscape(now) + `"`} {
		header := "If-Match: " + given
		for _, accept := range []string{acceptXML, acceptJSON} {
			require.NotEmpty(t, a.want(412, "PUT", path(id), "<client><name>x</name></client>", asXML, header, accept).message(t))
			a.want(412, "POST", togglePath(id), "", header, accept)
			a.want(412, "DELETE", path(id), "", header, accept)
		}
	}
	a.want(404, "PUT", path(id+1000), "<client><name>x</name></client>", asXML, "If-Match: "+old)
	require.Equal(t, last, a.tap().lastSequence())
	require.Equal(t, before, a.get(id))
}

// Of many who change the same state of a client, one wins.
func TestIfMatchLetsOneOfManyWin(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	tag := a.want(200, "GET", path(id), "").tag()
	statuses := make(chan int, 16)
	var all sync.WaitGroup
	for range cap(statuses) {
		all.Go(func() {
			got, _ := a.send("POST", togglePath(id), "", "If-Match: "+tag)
			statuses <- got.status
		})
	}
	all.Wait()
	close(statuses)
	count := map[int]int{}
	for status := range statuses {
		count[status]++
	}
	require.Equal(t, map[int]int{200: 1, 412: 15}, count)
	require.Equal(t, uint64(1), a.get(id).CacheVersion)
}
