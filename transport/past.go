package transport

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"clients/domain"
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

// parsePast reads the parameters version and as_of, or else the header Accept-Datetime.
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
	case datetime != "":
		p.by = byDatetime
		if p.at, err = http.ParseTime(datetime); err != nil {
			return p, errDatetime
		}
	}
	return p, nil
}

// getVersion is GET /clients/{id} with version, as_of or Accept-Datetime.
func (a *API) getVersion(w *response, r *request, p past) error {
	if err := a.refreshStrictly(w, r); err != nil {
		return err
	}
	if p.by == byTime && p.at.After(time.Now()) && p.at.After(a.Directory.Clock()) {
		return errFuture
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), historyTimeout)
	defer cancel()
	v, err := p.find(ctx, a.Timeline, r)
	if err != nil {
		return err
	}
	w.mementoHeaders(r.route.id)
	w.Header().Set("Memento-Datetime", mementoTime(v.At))
	if p.by == byDatetime {
		w.Header().Set("Content-Location", versionPath(v))
	}
	return a.sendClient(w, r, v.After)
}

func (p past) find(ctx context.Context, t timeline.Timeline, r *request) (timeline.Version, error) {
	switch p.by {
	case byVersion:
		return t.Number(ctx, r.account, r.route.id, p.version)
	case byTime:
		return t.AsOf(ctx, r.account, r.route.id, p.at)
	default:
		return t.Memento(ctx, r.account, r.route.id, p.at)
	}
}

// refreshStrictly is refresh for reads of the stream, which fail without NATS.
func (a *API) refreshStrictly(w *response, r *request) error {
	err := a.refresh(w, r)
	if err == nil {
		return nil
	}
	w.Header().Del("Warning")
	return domain.NoStore(err)
}
