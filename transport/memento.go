package transport

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"clients/projections/timeline"
)

// Mementos (RFC 7089): each version of a client is one. /clients/{id} is its own TimeGate, and its history is the TimeMap.

// linkFormat is the media type of a TimeMap (RFC 6690).
const linkFormat = "application/link-format"

// mementoHeaders sets what RFC 7089 has every response of a TimeGate say.
func (w *response) mementoHeaders(id int64) {
	path := clientPath(id)
	w.Header().Add("Vary", "Accept-Datetime")
	w.Header().Set("Link", "<"+path+`>; rel="original timegate", <`+path+`/history>; rel="timemap"; type="`+linkFormat+`"`)
}

func clientPath(id int64) string { return "/clients/" + strconv.FormatInt(id, 10) }

func versionPath(v timeline.Version) string {
	return fmt.Sprintf("%s?version=%d", clientPath(v.ClientID), v.Version)
}

// mementoTime writes a time as HTTP does.
func mementoTime(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

// sendTimeMap sends a page of the TimeMap of a client: a link to each version in which it existed.
func (p page) sendTimeMap(a *API, w *response, r *request) error {
	path := clientPath(r.route.id)
	b := fmt.Appendf(nil, "<%s>; rel=\"original timegate\",\n<%s>; rel=\"self\"; type=%q", path, p.path(r.route), linkFormat)
	next, err := p.each(a, w, r, func(v timeline.Version) (size int) {
		if v.After.Exists() {
			b = fmt.Appendf(b, ",\n<%s>; rel=\"memento\"; datetime=%q", versionPath(v), mementoTime(v.At))
		}
		return len(b)
	})
	if err != nil {
		return err
	}
	if next != "" {
		b = fmt.Appendf(b, ",\n<%s>; rel=\"timemap\"; type=%q", next, linkFormat)
	}
	w.vary()
	w.Header().Set("Content-Type", linkFormat)
	w.send(http.StatusOK, append(b, '\n'))
	return nil
}
