package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// updated_since is inclusive to the second: each form of the moment at which a client was created finds it, and each form of
// one second later does not.
func TestUpdatedSinceInEveryForm(t *testing.T) {
	t.Parallel()
	s := shared(t)
	id := s.create("SuprCorp")
	created, err := time.Parse(time.RFC3339, s.attributes(id)["updated_at"].(string))
	require.NoError(t, err)
	berlin, newYork := time.FixedZone("CEST", 2*60*60), time.FixedZone("EST", -5*60*60)
	for _, form := range []struct {
		layout string
		zone   *time.Location
	}{
		{"2006-01-02 15:04:05", time.UTC}, {"2006-01-02 15:04:05 UTC", time.UTC}, {"2006-1-2 15:04:05", time.UTC}, {"2006/01/02 15:04:05", time.UTC},
		{time.RFC3339, time.UTC}, {time.RFC3339, berlin}, {time.RFC3339, newYork}, {"2006-01-02t15:04:05z", time.UTC}, {"2006-01-02T15:04:05.000Z", time.UTC},
		{time.RFC1123, time.UTC}, {http.TimeFormat, time.UTC}, {time.RFC1123, newYork}, {time.RFC1123Z, berlin}, {"02 Jan 2006 15:04:05 -0700", newYork},
		{"Mon, 02 Jan 2006 15:04:05 -0000", time.UTC},
		{"2006-01-02 15:04:05 -0700", berlin}, {time.RubyDate, berlin}, {time.RubyDate, time.UTC}, {"Mon Jan _2 15:04:05 UTC 2006", time.UTC}, // Ruby
		{"Mon, 02 Jan 2006 15:04:05 UTC -07:00", time.UTC}, {time.ANSIC, time.UTC},
		{"2006-01-02 15:04:05.999999999 -0700 MST", time.UTC}, {"2006-01-02 15:04:05 -0700 MST", berlin}, {time.UnixDate, newYork}, // Go
		{"2006-01-02 03:04:05 PM", time.UTC}, {"2006-01-02 3:04:05pm", time.UTC}, {"January 2, 2006 3:04:05 PM -0700", berlin},
		{"20060102150405", time.UTC}, {"20060102T150405Z", time.UTC}, {"20060102T150405-0700", newYork},
	} {
		for wait, found := range map[time.Duration]bool{0: true, time.Second: false} {
			moment := created.Add(wait).In(form.zone).Format(form.layout)
			for _, encoded := range []string{
				url.QueryEscape(moment), url.PathEscape(moment), strings.ReplaceAll(url.QueryEscape(moment), "%3A", ":"), strings.ReplaceAll(moment, " ", "+"), strings.ReplaceAll(moment, " ", "%20"),
			} {
				r := s.want(http.StatusOK, http.MethodGet, "/clients.json?updated_since="+encoded, "")
				require.Equal(t, found, r.body != "[]", encoded)
			}
		}
	}
	for query, found := range map[string]bool{
		"": true, "?": true, "?updated_since=": true, "?updated_since": true, "?updated_since=+": true, "?updated_since=%20": true,
		"?updated_since=2010-09-25+18:30": true, "?updated_since=2010-09-25+18%3A30": true, "?updated_since=2010-09-25%2018:30": true,
		"?updated_since=2010-09-25%2B18:30": true, "?updated_since=2010-09-25+8:30": true, "?updated_since=20100925": true, "?updated_since=2010-09-25": true,
		"?updated_since=2010-09-25+6:30+PM": true, "?updated_since=2999-09-25+18:30": false, "?updated_since=29990925": false, "?updated_since=2999-09-25": false,
	} {
		r := s.want(http.StatusOK, http.MethodGet, "/clients.json"+query, "")
		require.Equal(t, found, r.body != "[]", query)
	}
	for _, never := range []string{"yesterday", "18:30", "2010", "2010-09", "2010-02-30", "2010-13-01", "2010-09-25+24:00", "2010-09-25+18:60", "2010-09-25+13:30+PM", "1285439400", "09/25/2010", "2010-09-25+18:30+XYZ", "%zz"} {
		r := s.want(http.StatusBadRequest, http.MethodGet, "/clients?updated_since="+never, "")
		require.Equal(t, r.message(t), r.header.Get("Hint"))
	}
}
