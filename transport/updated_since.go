package transport

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// moment is a date, a time of day, seconds, and a zone, of which the date alone must be there. The plus of an offset
// that was not encoded arrives as a blank.
var moment = regexp.MustCompile(`^(\d{4}-\d{1,2}-\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?\s*(UTC|GMT|Z|[-+ ]?\d{2}:?\d{2})?$`)

// updatedSince reads the parameter updated_since, in whole seconds. found is false where the query does not name it.
func updatedSince(rawQuery string) (since time.Time, found bool, err error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return time.Time{}, false, errQuery
	}
	if !query.Has("updated_since") {
		return time.Time{}, false, nil
	}
	since, err = parseMoment(strings.TrimSpace(query.Get("updated_since")))
	return since, true, err
}

// parseMoment reads UTC unless an offset stands behind the time.
func parseMoment(text string) (time.Time, error) {
	part := moment.FindStringSubmatch(text)
	if part == nil {
		return time.Time{}, errSince
	}
	var year, month, day, hour, minute, second int
	_, _ = fmt.Sscanf(part[1], "%d-%d-%d", &year, &month, &day)
	_, _ = fmt.Sscan(part[2]+" "+part[3]+" "+part[4], &hour, &minute, &second) // what is not there stays 0
	at, err := time.Parse(time.DateTime, fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d", year, month, day, hour, minute, second))
	if err != nil {
		return time.Time{}, errSince
	}
	offset, err := parseOffset(part[5])
	return at.Add(-offset), err
}

func parseOffset(zone string) (time.Duration, error) {
	digits := strings.ReplaceAll(strings.TrimLeft(zone, "+- "), ":", "")
	if len(digits) != 4 {
		return 0, nil // UTC, by one of its names or by none
	}
	var hours, minutes int
	if _, err := fmt.Sscanf(digits, "%2d%2d", &hours, &minutes); err != nil || hours > 23 || minutes > 59 {
		return 0, errSince
	}
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if strings.HasPrefix(zone, "-") {
		offset = -offset
	}
	return offset, nil
}
