package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestToggleSwitchesBetweenActiveAndInactive(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for i, suffix := range []string{"", ".xml", ".json", "/"} {
		got := a.want(200, "POST", togglePath(id)+suffix, "")
		require.Empty(t, got.body)
		require.Equal(t, path(id), got.header.Get("Location"))
		v := a.get(id)
		require.Equal(t, i%2 == 1, v.Active)
		require.Equal(t, uint64(i+1), v.CacheVersion)
	}
}

func TestToggleAndDeleteIgnoreABody(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for _, body := range []string{"<client><active>true</active></client>", "{{{", "<!DOCTYPE x>"} {
		for _, kind := range []string{asXML, asJSON, "Content-Type: image/png"} {
			id := a.named("SuprCorp")
			a.want(200, "POST", togglePath(id), body, kind)
			require.False(t, a.get(id).Active)
			a.want(200, "DELETE", path(id), body, kind)
		}
	}
}

func TestToggleOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	a.want(200, "DELETE", path(id), "")
	last := a.tap().lastSequence()
	require.NotEmpty(t, a.want(404, "POST", togglePath(id), "").message(t))
	require.NotEmpty(t, a.want(404, "POST", togglePath(id+1000)+".json", "").message(t))
	require.Equal(t, last, a.tap().lastSequence())
}

func TestDeleteEndsAClient(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for _, suffix := range []string{"", ".xml", ".json", "/"} {
		id, other := a.named("SuprCorp"), a.named("Other")
		got := a.want(200, "DELETE", path(id)+suffix, "")
		require.Empty(t, got.body)
		require.Equal(t, "0", got.header.Get("Content-Length"))
		a.want(404, "GET", path(id), "")
		a.want(404, "PUT", path(id), "<client><name>x</name></client>", asXML)
		a.want(404, "POST", togglePath(id), "")
		require.NotEmpty(t, a.want(404, "DELETE", path(id), "").message(t))
		require.Equal(t, []string{"Other"}, names(a.list("")))
		a.want(200, "DELETE", path(other), "")
	}
}

func TestDeleteOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	last := a.tap().lastSequence()
	require.NotEmpty(t, a.want(404, "DELETE", path(id+1000), "").message(t))
	require.NotEmpty(t, a.want(404, "DELETE", path(id+1000)+".json", "").message(t))
	require.Equal(t, last, a.tap().lastSequence())
}
