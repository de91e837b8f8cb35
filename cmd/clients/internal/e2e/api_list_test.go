package e2e_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestListsAreSortedByNameIgnoringCaseThenID(t *testing.T) {
	t.Parallel()
	a := shared(t)
	for _, name := range []string{"zeta", "Beta", "ALPHA", "beta", "alpha", "Émile", "émile", "Äther", "0 first", "BETA", "_", "alphabet", "beta"} {
		a.create(name)
	}
	sorted := []string{"0 first", "_", "ALPHA", "alpha", "alphabet", "Beta", "beta", "BETA", "beta", "zeta", "Äther", "Émile", "émile"}
	require.Equal(t, sorted, names(a.list("")))
	require.Equal(t, sorted, names(a.listXML("")))
	require.Equal(t, sorted, names(a.list("?updated_since=2010-09-25")))
	beta := a.list("")[5:9]
	for i := range beta[1:] {
		require.Less(t, beta[i].ID, beta[i+1].ID)
	}
	a.update(beta[0].ID, "<name>_ now</name>")
	require.Equal(t, []string{"0 first", "_", "_ now", "ALPHA"}, names(a.list(""))[:4])
}

func TestListsAreNotPaged(t *testing.T) {
	t.Parallel()
	a := shared(t)
	const many = 120
	for range many {
		a.createFrom("<name>Same name</name><details>" + strings.Repeat("d", 2000) + "</details>")
	}
	require.Len(t, a.list(""), many)
	require.Len(t, a.listXML("?page=2&per_page=1"), many)
}

// Encoded lists are kept.
func TestARepeatedListShowsEveryChange(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id, other := a.create("SuprCorp"), a.create("Other")
	for i, change := range []func(){
		func() { a.update(id, "<name>Renamed</name>") },
		func() { a.want(200, "POST", togglePath(id), "") },
		func() { a.create("Third") },
		func() { a.want(200, "DELETE", path(other), "") },
	} {
		before := a.list("")
		change()
		for range 4 {
			require.NotEqual(t, before, a.list(""), "change %d", i)
			require.Equal(t, a.list("?updated_since=2010-09-25"), a.list(""), "change %d", i)
			require.Equal(t, a.list(""), a.listXML(""), "change %d", i)
			zipped := a.want(200, "GET", "/clients", "", "Accept-Encoding: gzip")
			require.Equal(t, a.want(200, "GET", "/clients", "").body, gunzip(t, zipped), "change %d", i)
		}
	}
}

// A list is sent in parts: no request makes the service hold all of it.
func TestAListOfLongClientsIsSentInParts(t *testing.T) {
	t.Parallel()
	a := shared(t)
	const few, long = 8, 64 << 10
	for range few {
		a.createFrom("<name>Long</name><details>" + strings.Repeat("&amp;", long) + "</details>")
	}
	require.Empty(t, a.want(200, "GET", "/clients", "").header.Get("Content-Length"))
	for _, list := range [][]view{a.listXML(""), a.list("")} {
		require.Len(t, list, few)
		for _, client := range list {
			require.Equal(t, strings.Repeat("&", long), client.Details)
		}
	}
}

// The forms of updated_since are tested where they are read.
func TestUpdatedSinceShowsWhatChangedAndNotWhatWasDeleted(t *testing.T) {
	t.Parallel()
	a := shared(t)
	deleted, toggled, untouched := a.create("Deleted"), a.create("Toggled"), a.get(a.create("Untouched")).UpdatedAt
	eventually(t, func() bool { return time.Now().Unix() > untouched.Unix() }, "the clock reaches the next second")
	a.want(200, "POST", togglePath(toggled), "")
	a.want(200, "DELETE", path(deleted), "")
	since := a.get(toggled).UpdatedAt
	require.True(t, since.After(untouched))
	query := "updated_since=" + url.QueryEscape(since.Format("2006-01-02 15:04:05"))
	require.Equal(t, []string{"Toggled"}, names(a.list("?"+query)))
	require.Equal(t, []string{"Toggled"}, names(a.listXML("/?"+query)), "behind a trailing slash")
	require.Equal(t, []string{"Toggled", "Untouched"}, names(a.list("?updated_since="+since.Format("2006-01-02"))), "from the day's beginning")
	for _, after := range []string{since.Add(time.Second).Format(time.RFC3339), since.Add(time.Second).In(time.FixedZone("", -5*60*60)).Format(time.RFC1123Z)} {
		require.Empty(t, a.list("?updated_since="+url.QueryEscape(after)), after)
	}
	require.Contains(t, a.want(200, "GET", "/clients?updated_since=2999-12-31", "").body, "<clients type=\"array\">\n</clients>")
}
