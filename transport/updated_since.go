package transport

import (
	"net/url"
	"strings"
	"time"
)

// updatedSince reads the parameter updated_since, in whole seconds. found is false where the query does not name it, or
// has nothing behind the name.
func updatedSince(rawQuery string) (since time.Time, found bool, err error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return time.Time{}, false, errQuery
	}
	given := strings.TrimSpace(query.Get("updated_since"))
	if given == "" {
		return time.Time{}, false, nil
	}
	since, err = parseTime(given)
	return since, true, err
}
