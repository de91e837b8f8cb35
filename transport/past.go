package transport

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"clients/projections/timeline"
	"clients/transport/wire"
)

// past selects an earlier version of a client. The zero past selects the present one.
type past struct {
	by      selector
	version uint64
	at      time.Time
}

type selector int

const (
	present    selector = iota
	byVersion           // its number
	byTime              // what the client was at a time
	byDatetime          // what a TimeGate selects for a time
)

// parsePast reads the parameters version and as_of, or else, of a TimeGate, the header Accept-Datetime.
func parsePast(r *request) (p past, err error) {
	query, err := r.query()
	if err != nil {
		return p, err
	}
	switch version, asOf, datetime := query.Has("version"), query.Has("as_of"), r.Header.Get("Accept-Datetime"); {
	case version && asOf:
		return p, errTwoPasts
	case version:
		p.by = byVersion
		if p.version, err = strconv.ParseUint(query.Get("version"), 10, 64); err != nil || p.version == 0 {
			return p, errVersion
		}
	case asOf:
		var ok bool
		if p.at, ok = wire.ParseTime(query.Get("as_of")); !ok {
			return p, errAsOf
		}
		p.by = byTime
	case datetime != "" && r.route.resource == oneClient:
		p.by = byDatetime
		if p.at, err = http.ParseTime(datetime); err != nil {
			return p, errDatetime
		}
	}
	return p, nil
}

// getVersion is GET /clients/{id} with version, as_of or Accept-Datetime.
func (a *API) getVersion(w *response, r *request, p past) error {
	if err := a.refresh(w, r); err != nil {
		return err
	}
	if p.by == byTime && p.at.After(time.Now()) && p.at.After(a.Directory.Clock()) {
		return errFuture
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), historyTimeout)
	defer cancel()
	var v timeline.Version
	var err error
	switch p.by {
	case byVersion:
		v, err = a.Timeline.Number(ctx, r.account, r.route.id, p.version)
	case byTime:
		v, err = a.Timeline.AsOf(ctx, r.account, r.route.id, p.at)
	default:
		v, err = a.Timeline.Memento(ctx, r.account, r.route.id, p.at)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Memento-Datetime", mementoTime(v.At))
	if p.by == byDatetime {
		w.Header().Set("Content-Location", versionPath(r.route, v))
	}
	return a.sendClient(w, r, v.After)
}

// Mementos (RFC 7089): each version of a client is one. /clients/{id} is its own TimeGate, and its history is the TimeMap. A
// path with a suffix is never a TimeMap, so that links to it have none.

// linkFormat is the media type of a TimeMap (RFC 6690).
const linkFormat = "application/link-format"

// mementoHeaders sets what RFC 7089 has every response of a TimeGate say. A refusal keeps Vary alone.
func (w *response) mementoHeaders(r route) {
	path := clientPath(r.id)
	w.Header().Add("Vary", "Accept-Datetime")
	w.Header().Set("Link", "<"+path+r.suffix+`>; rel="original timegate", <`+path+`/history>; rel="timemap"; type="`+linkFormat+`"`)
}

func clientPath(id int64) string { return "/clients/" + strconv.FormatInt(id, 10) }

func versionPath(r route, v timeline.Version) string {
	return fmt.Sprintf("%s%s?version=%d", clientPath(r.id), r.suffix, v.Version)
}

// mementoTime writes a time as HTTP does.
func mementoTime(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

// sendTimeMap sends a page of the TimeMap of a client: a link to each version in which it existed.
func (p page) sendTimeMap(a *API, w *response, r *request) error {
	path := clientPath(r.route.id)
	b := fmt.Appendf(nil, "<%s>; rel=\"original timegate\",\n<%s>; rel=\"self\"; type=%q", path, p.path(r.route), linkFormat)
	next, err := p.each(a, w, r, func(v timeline.Version) (size int) {
		if v.After.Exists() {
			b = fmt.Appendf(b, ",\n<%s>; rel=\"memento\"; datetime=%q", versionPath(r.route, v), mementoTime(v.At))
		}
		return len(b)
	})
	if err != nil {
		return err
	}
	if next != "" {
		w.Header().Set("Link", "<"+next+`>; rel="next"`)
		b = fmt.Appendf(b, ",\n<%s>; rel=\"timemap\"; type=%q", next, linkFormat)
	}
	if b = append(b, '\n'); !w.notModified(r, contentTag(b, "")) {
		w.Header().Set("Content-Type", linkFormat)
		w.send(http.StatusOK, b)
	}
	return nil
}
