package main

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListWithoutClients(t *testing.T) {
	t.Parallel()
	a := launch(t)
	got := a.want(200, "GET", "/clients", "")
	require.Equal(t, "application/xml; charset=utf-8", got.header.Get("Content-Type"))
	require.Equal(t, `<?xml version="1.0" encoding="UTF-8"?><clients type="array"></clients>`, compact(got.body))
	got = a.want(200, "GET", "/clients.json", "")
	require.Equal(t, "application/json; charset=utf-8", got.header.Get("Content-Type"))
	require.JSONEq(t, `[]`, got.body)
}

func TestListHoldsEachClientAsGetShowsIt(t *testing.T) {
	t.Parallel()
	a := launch(t)
	first, second := a.create(whole), a.named("Zeta &amp; Sons")
	const declaration = `<?xml version="1.0" encoding="UTF-8"?>`
	element := func(id int64) string {
		return strings.TrimPrefix(compact(a.want(200, "GET", path(id), "").body), declaration)
	}
	require.Equal(t, declaration+`<clients type="array">`+element(first)+element(second)+`</clients>`,
		compact(a.want(200, "GET", "/clients", "").body))
	require.JSONEq(t, "["+a.want(200, "GET", path(first)+".json", "").body+","+a.want(200, "GET", path(second)+".json", "").body+"]",
		a.want(200, "GET", "/clients.json", "").body)
}

func TestListIsSortedByNameWithoutRegardToCaseThenByID(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for _, name := range []string{"zeta", "Beta", "ALPHA", "beta", "alpha", "Émile", "émile", "Äther", "0 first", "BETA"} {
		a.named(name)
	}
	sorted := []string{"0 first", "ALPHA", "alpha", "Beta", "beta", "BETA", "zeta", "Äther", "Émile", "émile"}
	require.Equal(t, sorted, names(a.list("")))
	require.Equal(t, sorted, names(a.list("?updated_since=2010-09-25")), "a filtered list, too")

	var document struct {
		Clients []view `xml:"client"`
	}
	require.NoError(t, xml.Unmarshal([]byte(a.want(200, "GET", "/clients", "").body), &document))
	require.Equal(t, sorted, names(document.Clients), "in XML, too")
}

func TestListFollowsEveryChange(t *testing.T) {
	t.Parallel()
	a := launch(t)
	first, second := a.named("First"), a.named("Second")
	require.Equal(t, []string{"First", "Second"}, names(a.list("")))
	a.update(first, "<name>Third</name>")
	require.Equal(t, []string{"Second", "Third"}, names(a.list("")))
	a.want(200, "POST", togglePath(first), "")
	require.False(t, a.list("")[1].Active, "an inactive client stays in the list")
	a.want(200, "DELETE", path(second), "")
	require.Equal(t, []string{"Third"}, names(a.list("")))
	a.want(200, "DELETE", path(first), "")
	require.Empty(t, a.list(""))
}

func TestListIsNotPaged(t *testing.T) {
	t.Parallel()
	a := launch(t)
	const many = 120
	details := strings.Repeat("d", 2000)
	for range many {
		a.create("<name>Same name</name><details>" + details + "</details>")
	}
	listed := a.list("")
	require.Len(t, listed, many)
	for i, v := range listed[1:] {
		require.Less(t, listed[i].ID, v.ID, "clients of one name are sorted by id")
	}
	var document struct {
		Clients []view `xml:"client"`
	}
	require.NoError(t, xml.Unmarshal([]byte(a.want(200, "GET", "/clients?page=2&per_page=1", "").body), &document))
	require.Len(t, document.Clients, many)
}

func TestAListOfLongClientsIsSentInParts(t *testing.T) {
	t.Parallel()
	a := launch(t)
	const few, long = 8, 64 << 10
	for range few {
		a.create("<name>Long</name><details>" + strings.Repeat("&amp;", long) + "</details>")
	}
	got := a.want(200, "GET", "/clients", "")
	require.Empty(t, got.header.Get("Content-Length"), "it takes %d bytes, which nobody is to make the service hold at once", len(got.body))
	var document struct {
		Clients []view `xml:"client"`
	}
	require.NoError(t, xml.Unmarshal([]byte(got.body), &document))
	require.Len(t, document.Clients, few)
	for _, client := range document.Clients {
		require.Len(t, client.Details, long)
	}
	require.Len(t, a.list(""), few, "in JSON, too")
}
