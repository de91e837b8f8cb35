package transport_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUpdatedSince(t *testing.T) {
	t.Parallel()
	evening := time.Date(2010, 9, 25, 18, 30, 0, 0, time.UTC)
	morning := time.Date(2010, 9, 25, 9, 8, 7, 0, time.UTC)
	for query, want := range map[string]time.Time{
		"updated_since=2010-09-25+18%3A30":                evening, // as the API's document has it
		"updated_since=2010-09-25+18:30":                  evening,
		"updated_since=2010-09-25%2018:30":                evening,
		"updated_since=2010-09-25%2018%3A30":              evening,
		"updated_since=2010-09-25+18%3A30%3A00":           evening,
		"updated_since=2010-09-25+18:30:00+UTC":           evening,
		"updated_since=2010-09-25+18:30+UTC":              evening,
		"updated_since=2010-09-25+18:30+GMT":              evening,
		"updated_since=2010-09-25+18:30Z":                 evening,
		"updated_since=2010-9-25+18:30":                   evening,
		"updated_since=+2010-09-25++18:30+":               evening,
		"updated_since=2010-09-25T18:30:00Z":              evening,
		"updated_since=2010-09-25T18%3A30%3A00Z":          evening,
		"updated_since=2010-09-25T18:30:00.999Z":          evening,
		"updated_since=2010-09-25T18:30:00":               evening,
		"updated_since=2010-09-25T20:30:00%2B02:00":       evening,
		"updated_since=2010-09-25T20:30:00%2B02%3A00":     evening,
		"updated_since=2010-09-25T20:30:00+02:00":         evening, // a plus that was not encoded is a blank
		"updated_since=2010-09-25T20:30:00+0200":          evening,
		"updated_since=2010-09-25+20:30:00+%2B0200":       evening, // as Ruby prints a time
		"updated_since=2010-09-25+20:30:00++0200":         evening, // the same, its plus not encoded
		"updated_since=2010-09-25T14:00:00-04:30":         evening,
		"updated_since=2010-09-25+14:00-0430":             evening,
		"updated_since=2010-09-25+14:00:00+-0430":         evening,
		"updated_since=2010-09-25T18:30:00%2B00:00":       evening,
		"updated_since=2010-09-25T18:30:00-00:00":         evening,
		"updated_since=2010-09-26T00:30:00%2B06:00":       evening,
		"updated_since=2010-09-25+09:08:07":               morning, // not octal
		"updated_since=2010-09-25+9:08:07":                morning,
		"updated_since=2010-09-25+9%3A08%3A07+UTC":        morning,
		"updated_since=2010-09-25+08:09":                  time.Date(2010, 9, 25, 8, 9, 0, 0, time.UTC),
		"updated_since=2010-09-25+8:09":                   time.Date(2010, 9, 25, 8, 9, 0, 0, time.UTC),
		"updated_since=2010-09-25":                        time.Date(2010, 9, 25, 0, 0, 0, 0, time.UTC),
		"updated_since=2010-09-25+UTC":                    time.Date(2010, 9, 25, 0, 0, 0, 0, time.UTC),
		"updated_since=2010-9-5":                          time.Date(2010, 9, 5, 0, 0, 0, 0, time.UTC),
		"updated_since=2010-09-25+00:00":                  time.Date(2010, 9, 25, 0, 0, 0, 0, time.UTC),
		"updated_since=2010-09-25+23:59:59":               time.Date(2010, 9, 25, 23, 59, 59, 0, time.UTC),
		"updated_since=2012-02-29":                        time.Date(2012, 2, 29, 0, 0, 0, 0, time.UTC),
		"page=2&updated_since=2010-09-25+18:30&x":         evening,
		"updated_since=2010-09-25%2B18:30":                evening,
		"updated_since=2010-09-25%2B18%3A30%2BUTC":        evening,
		"updated_since=2010-09-25t18:30:00z":              evening,
		"updated_since=20100925":                          time.Date(2010, 9, 25, 0, 0, 0, 0, time.UTC),
		"updated_since=Sat+Sep+25+18:30:00++0000+2010":    evening, // Ruby 1.8, its plus not encoded
		"updated_since=2010-09-25+18:30&updated_since=no": evening,

		"updated_since=2010-09-25%2B6:30%2BPM":                        evening, // encoded twice
		"updated_since=Sat,%2B25%2BSep%2B2010%2B18:30:00%2BGMT":       evening,
		"updated_since=Sat%2BSep%2B25%2B18:30:00%2B%2B0000%2B2010":    evening,
		"updated_since=Sat%2BSep%2B25%2B18:30:00%2BUTC%2B2010":        evening,
		"updated_since=Sat%2BSep%2B25%2B18:30:00%2B2010":              evening,
		"updated_since=2010-09-25+20:30:00.5++0200++0200+m=+0.000123": evening, // Go, its pluses not encoded
	} {
		s := newService(t)
		require.Equal(t, http.StatusOK, s.send(http.MethodHead, "/clients?"+query, "").Code, query)
		require.Len(t, s.since, 1, query)
		require.Equal(t, want, s.since[0].UTC(), query)
	}
}

func TestUpdatedSinceIsMissingOrBlank(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"", "updated_since", "updated_since=", "updated_since=+", "updated_since=%20%20", "page=2", "Updated_Since=x", "updated_since[]=x", "client[updated_since]=x"} {
		s := newService(t)
		require.Equal(t, http.StatusOK, s.send(http.MethodHead, "/clients?"+query, "").Code, query)
		require.Empty(t, s.since, query)
	}
}

func TestUpdatedSinceRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a word":                        "yesterday",
		"a number":                      "1285439400",
		"a day that is not":             "2010-02-30",
		"a day that is not, with time":  "2010-02-30 18:30",
		"February 29 of a common year":  "2010-02-29",
		"a 13th month":                  "2010-13-01 18:30",
		"a month 0":                     "2010-00-25",
		"a day 0":                       "2010-09-00",
		"an hour 24":                    "2010-09-25 24:00",
		"a minute 60":                   "2010-09-25 18:60",
		"a second 60":                   "2010-09-25 18:30:60",
		"an offset of 24 hours":         "2010-09-25T18:30:00+24:00",
		"an offset of 60 minutes":       "2010-09-25T18:30:00+00:60",
		"an hour alone":                 "2010-09-25 18",
		"a time without a colon":        "2010-09-25 1830",
		"a time without a blank":        "2010-09-2518:30",
		"digits behind a date":          "2010-09-251830",
		"digits behind minutes":         "2010-09-25 18:300200",
		"digits behind seconds":         "2010-09-25 18:30:000200",
		"an offset without a sign":      "2010-09-25T18:30:0002:00",
		"an offset behind a date":       "2010-09-25-02:00",
		"an unknown zone":               "2010-09-25 18:30 CEST",
		"a minute of one digit":         "2010-09-25 18:3",
		"the day first":                 "25-09-2010 18:30",
		"a year of two digits":          "10-09-25",
		"a year of five digits":         "12010-09-25",
		"a negative year":               "-2010-09-25",
		"a time alone":                  "18:30",
		"something behind":              "2010-09-25 18:30; DROP TABLE clients",
		"a second line":                 "2010-09-25 18:30\nUTC\nx",
		"digits of another script":      "٢٠١٠-٠٩-٢٥",
		"two times":                     "2010-09-25 18:30 2010-09-25 18:30",
		"a fraction without its digits": "2010-09-25T18:30:00.Z",
	} {
		hint := newService(t).hint(http.MethodGet, "/clients?updated_since="+url.QueryEscape(text), "")
		require.Equal(t, "updated_since must be a date and time such as 2010-09-25 18:30.", hint, name)
	}
	for _, query := range []string{"updated_since=%zz", "updated_since=2010-09-25%", "a;updated_since=2010-09-25"} {
		require.Equal(t, "The query string is malformed.", newService(t).hint(http.MethodGet, "/clients?"+query, ""), query)
	}
}
