package transport

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// moment is a date, a time of day, seconds, an offset, and a name of UTC, of which the date alone must be there. The
// plus of an offset that was not encoded arrives as a blank. Behind a date alone an offset would look like a time, and is refused.
var moment = regexp.MustCompile(`^(\d{4})-(\d{1,2})-(\d{1,2})` +
	`(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(?:([-+ ]\d{2}:?\d{2})|UTC|GMT|Z)?|\s*(?:UTC|GMT|Z))?$`)

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
	var n [6]int // year to second
	for i := range n {
		n[i], _ = strconv.Atoi(part[i+1]) // what is not there stays 0
	}
	at, err := time.Parse(time.DateTime, fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d", n[0], n[1], n[2], n[3], n[4], n[5]))
	if err != nil {
		return time.Time{}, errSince
	}
	offset, err := parseOffset(part[7])
	return at.Add(-offset), err
}

// parseOffset reads what is east of Greenwich, +02:00 or +0200, or nothing.
func parseOffset(zone string) (time.Duration, error) {
	digits := strings.ReplaceAll(strings.TrimLeft(zone, "+- "), ":", "")
	if digits == "" {
		return 0, nil
	}
	hours, _ := strconv.Atoi(digits[:2])
	minutes, _ := strconv.Atoi(digits[2:])
	if hours > 23 || minutes > 59 {
		return 0, errSince
	}
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if strings.HasPrefix(zone, "-") {
		offset = -offset
	}
	return offset, nil
}
