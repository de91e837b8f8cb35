package main

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// twoSeconds makes two clients that were last updated in different seconds, and answers when that was.
func twoSeconds(t *testing.T, a *app) (early, late time.Time) {
	t.Helper()
	early = a.get(a.named("Early")).UpdatedAt
	id := a.named("Late")
	eventually(t, "the clock moves on", func() bool { return time.Now().Unix() > early.Unix()+1 })
	a.update(id, "<details>late</details>")
	return early, a.get(id).UpdatedAt
}

// spellings are the ways to write a moment in a query, with the resolution that each has.
func spellings(at time.Time) map[string]time.Duration {
	at = at.UTC()
	all := map[string]time.Duration{}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04:05 UTC", "2006-01-02T15:04:05Z", "2006-01-02T15:04:05", "2006-01-02T15:04:05.000Z"} {
		all[at.Format(layout)] = time.Second
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04 UTC"} {
		all[at.Format(layout)] = time.Minute
		all[strings.Replace(at.Format(layout), " 0", " ", 1)] = time.Minute // hour without its leading zero
	}
	all[at.Format(time.DateOnly)] = 24 * time.Hour
	all[at.Format(time.DateOnly)+" UTC"] = 24 * time.Hour
	for hour := range 24 { // by offsets that make the time of day begin with each hour, between 23 hours west and east
		zone := time.FixedZone("", (hour-at.Hour())*3600+hour*60)
		all[at.In(zone).Format("2006-01-02T15:04:05-07:00")] = time.Second
	}
	return all
}

// encodings are the ways to put a moment into a query string.
func encodings(moment string) []string {
	return []string{
		url.QueryEscape(moment),
		strings.ReplaceAll(url.QueryEscape(moment), "+", "%20"),
		strings.ReplaceAll(strings.ReplaceAll(moment, "+", "%2B"), " ", "+"),
		strings.ReplaceAll(strings.ReplaceAll(moment, "+", "%2B"), " ", "%20"),
		strings.ReplaceAll(moment, " ", "+"), // the plus of an offset is left as it is
	}
}

func TestUpdatedSinceIsInclusiveInEverySpelling(t *testing.T) {
	t.Parallel()
	a := launch(t)
	early, late := twoSeconds(t, a)
	updates := map[string]time.Time{"Early": early, "Late": late}
	for _, at := range []time.Time{early, late, late.Add(time.Second), early.Add(-time.Hour)} {
		for moment, resolution := range spellings(at) {
			var want []string
			for _, name := range []string{"Early", "Late"} {
				if !updates[name].Before(at.Truncate(resolution)) {
					want = append(want, name)
				}
			}
			for _, encoded := range encodings(moment) {
				require.ElementsMatch(t, want, names(a.list("?updated_since="+encoded)), "%s, as %s", moment, encoded)
			}
		}
	}
}

func TestUpdatedSinceWithoutMatch(t *testing.T) {
	t.Parallel()
	a := launch(t)
	a.named("SuprCorp")
	got := a.want(200, "GET", "/clients?updated_since=2999-12-31", "")
	require.Equal(t, `<?xml version="1.0" encoding="UTF-8"?><clients type="array"></clients>`, compact(got.body))
	require.Empty(t, a.list("?updated_since=2999-12-31+23%3A59"))
}

func TestUpdatedSinceShowsWhatChangedAndNotWhatWasDeleted(t *testing.T) {
	t.Parallel()
	a := launch(t)
	deleted, toggled, untouched := a.named("Deleted"), a.named("Toggled"), a.get(a.named("Untouched")).UpdatedAt
	eventually(t, "the clock moves on", func() bool { return time.Now().Unix() > untouched.Unix() })
	a.want(200, "POST", togglePath(toggled), "")
	a.want(200, "DELETE", path(deleted), "")
	since := a.get(toggled).UpdatedAt
	require.True(t, since.After(untouched))
	require.Equal(t, []string{"Toggled"}, names(a.list("?updated_since="+url.QueryEscape(since.Format("2006-01-02 15:04:05")))))
}

func TestUpdatedSinceKeepsTheFormatOfTheDocument(t *testing.T) {
	t.Parallel()
	a := launch(t)
	a.named("SuprCorp")
	const query = "?updated_since=2010-09-25+18%3A30" // as the document has it
	require.Equal(t, []string{"SuprCorp"}, names(a.list(query)))
	all, some := a.want(200, "GET", "/clients", ""), a.want(200, "GET", "/clients"+query, "")
	require.Equal(t, all.body, some.body)
	require.Equal(t, []string{"SuprCorp"}, names(a.list("/"+query)), "behind a trailing slash")
}

func TestUpdatedSinceThatIsNoDate(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for _, moment := range []string{
		"yesterday", "18:30", "2010", "2010-09", "2010-13-01", "2010-00-10", "2010-02-30", "2010-09-25+24:30",
		"2010-09-25+18:60", "2010-09-25+18:30:61", "2010-09-25+18", "2010-09-25T18:30:00%2B25:00", "2010-09-25+18:30+CEST",
		"2010-09-25;18:30", "25.09.2010", "1285439400", "2010-09-25+18:30:00x", "%00", "%zz", "-0001-01-01",
	} {
		for _, suffix := range []string{"", ".json"} {
			got := a.want(400, "GET", "/clients"+suffix+"?updated_since="+moment, "")
			require.Equal(t, got.message(t), got.header.Get("Hint"))
		}
	}
}
