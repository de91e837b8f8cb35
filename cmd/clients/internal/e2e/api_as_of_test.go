package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// inSeconds changes a client until it has versions of three seconds, and returns when each version was stored.
func inSeconds(s *client) (id int64, stored []time.Time) {
	s.t.Helper()
	id = s.create("SuprCorp")
	at := func() time.Time {
		updated, err := time.Parse(time.RFC3339, s.attributes(id)["updated_at"].(string))
		require.NoError(s.t, err)
		return updated
	}
	stored = []time.Time{at()}
	eventually(s.t, func() bool {
		s.want(http.StatusOK, http.MethodPost, path(id)+"/toggle", "")
		stored = append(stored, at())
		return len(stored) > 2 && stored[len(stored)-1].Sub(stored[0]) >= 2*time.Second
	}, "two seconds pass")
	return id, stored
}

// A time means the end of its second: the last version in or before that second.
func TestAsOfShowsTheLastVersionOfASecond(t *testing.T) {
	t.Parallel()
	s := start(t)
	id, stored := inSeconds(s.client)
	for at := stored[0]; !at.After(stored[len(stored)-1]); at = at.Add(time.Second) {
		last := 0
		for i, when := range stored {
			if !when.After(at) {
				last = i + 1
			}
		}
		want := s.want(http.StatusOK, http.MethodGet, path(id)+fmt.Sprintf("?version=%d", last), "")
		for _, format := range []string{"2006-01-02T15:04:05Z", "2006-01-02+15:04:05", "20060102T150405Z"} {
			r := s.want(http.StatusOK, http.MethodGet, path(id)+"?as_of="+at.Format(format), "")
			require.Equal(t, want.body, r.body, "version %d", last)
			require.Equal(t, want.header.Get("ETag"), r.header.Get("ETag"))
		}
	}
	s.want(http.StatusNotFound, http.MethodGet, path(id)+"?as_of="+stored[0].Add(-time.Second).Format(time.RFC3339), "")
	s.want(http.StatusOK, http.MethodDelete, path(id), "")
	s.want(http.StatusNotFound, http.MethodGet, path(id)+"?as_of="+time.Now().UTC().Format(time.RFC3339), "")
	s.want(http.StatusOK, http.MethodGet, path(id)+"?as_of="+stored[0].Format(time.RFC3339), "")
}

// RFC 7089: a client is its own TimeGate, and its history the TimeMap.
func TestMementos(t *testing.T) {
	t.Parallel()
	s := start(t)
	id, stored := inSeconds(s.client)
	first, last := stored[0], stored[len(stored)-1]
	link := fmt.Sprintf(`<%s>; rel="original timegate", <%[1]s/history>; rel="timemap"; type="application/link-format"`, path(id))
	present := s.want(http.StatusOK, http.MethodGet, path(id), "")
	require.Equal(t, link, present.header.Get("Link"))
	require.Contains(t, present.header.Values("Vary"), "Accept-Datetime")
	require.Empty(t, present.header.Get("Memento-Datetime"))
	for _, c := range []struct {
		about, datetime string
		version         int
	}{
		{"before the first one", "Sat, 25 Sep 2010 18:30:00 GMT", 1},
		{"of the last second", last.Format(http.TimeFormat), len(stored)},
		{"in the future", "Fri, 25 Sep 2999 18:30:00 GMT", len(stored)},
	} {
		r := s.want(http.StatusOK, http.MethodGet, path(id), "", "Accept-Datetime: "+c.datetime)
		version := fmt.Sprintf("%s?version=%d", path(id), c.version)
		require.Equal(t, s.want(http.StatusOK, http.MethodGet, version, "").body, r.body, c.about)
		require.Equal(t, version, r.header.Get("Content-Location"))
		require.Equal(t, stored[c.version-1].Format(http.TimeFormat), r.header.Get("Memento-Datetime"))
		require.Equal(t, link, r.header.Get("Link"))
		require.Contains(t, r.header.Values("Vary"), "Accept-Datetime")
	}
	asJSON := s.want(http.StatusOK, http.MethodGet, path(id)+".json", "", "Accept-Datetime: "+last.Format(http.TimeFormat)).header
	require.Equal(t, fmt.Sprintf("%s.json?version=%d", path(id), len(stored)), asJSON.Get("Content-Location"))
	require.Equal(t, strings.Replace(link, ">", ".json>", 1), asJSON.Get("Link"), "a TimeMap has no suffix")
	refusal := s.want(http.StatusBadRequest, http.MethodGet, path(id), "", "Accept-Datetime: 2010-09-25")
	require.Contains(t, refusal.header.Values("Vary"), "Accept-Datetime")
	s.want(http.StatusNotModified, http.MethodGet, path(id), "", "Accept-Datetime: "+last.Format(http.TimeFormat), "If-None-Match: "+present.header.Get("ETag"))

	timeMap := s.want(http.StatusOK, http.MethodGet, path(id)+"/history?limit=2", "", "Accept: application/link-format")
	require.Equal(t, "application/link-format", timeMap.header.Get("Content-Type"))
	require.Equal(t, fmt.Sprintf(`<%s/history?after=2&limit=2>; rel="next"`, path(id)), timeMap.header.Get("Link"))
	require.Equal(t, fmt.Sprintf(`<%s>; rel="original timegate",
<%[1]s/history?after=0&limit=2>; rel="self"; type="application/link-format",
<%[1]s?version=1>; rel="memento"; datetime="%s",
<%[1]s?version=2>; rel="memento"; datetime="%s",
<%[1]s/history?after=2&limit=2>; rel="timemap"; type="application/link-format"
`, path(id), first.Format(http.TimeFormat), stored[1].Format(http.TimeFormat)), timeMap.body)
	s.want(http.StatusNotModified, http.MethodGet, path(id)+"/history?limit=2", "", "Accept: application/link-format", "If-None-Match: "+timeMap.tag())
	for _, c := range []struct{ suffix, accept, contentType string }{
		{"", "application/link-format;q=0", "application/xml; charset=utf-8"},
		{"", "application/json, application/link-format;q=0.9", "application/json; charset=utf-8"},
		{"", "application/json;q=0.9, application/link-format, */*;q=0.1", "application/link-format"},
		{".json", "application/link-format", "application/json; charset=utf-8"},
	} {
		r := s.want(http.StatusOK, http.MethodGet, path(id)+"/history"+c.suffix, "", "Accept: "+c.accept)
		require.Equal(t, c.contentType, r.header.Get("Content-Type"), "%+v", c)
	}

	s.want(http.StatusOK, http.MethodDelete, path(id), "") // the last version in which it existed remains
	require.Contains(t, s.want(http.StatusNotFound, http.MethodGet, path(id), "").header.Values("Vary"), "Accept-Datetime")
	r := s.want(http.StatusOK, http.MethodGet, path(id), "", "Accept-Datetime: Fri, 25 Sep 2999 18:30:00 GMT")
	require.Equal(t, fmt.Sprintf("%s?version=%d", path(id), len(stored)), r.header.Get("Content-Location"))
}
