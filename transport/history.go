package transport

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"clients/domain"
	"clients/projections/timeline"
	"clients/transport/wire"
)

// Sizes of a page of a history. A page ends early where its changes take many bytes.
const (
	defaultLimit = 100
	maxLimit     = 1000
	maxPage      = 256 << 10 // bytes, which the OpenAPI document names
)

// historyTimeout bounds how long a history is read.
const historyTimeout = 20 * time.Second

// page is a part of a history.
type page struct {
	after uint64 // the version in front of it
	limit int
}

// parsePage reads the parameters after and limit.
func parsePage(r *request) (page, error) {
	query, err := r.query()
	if err != nil {
		return page{}, err
	}
	p := page{limit: defaultLimit}
	if given := query.Get("after"); given != "" {
		if p.after, err = strconv.ParseUint(given, 10, 64); err != nil {
			return page{}, errAfter
		}
	}
	if given := query.Get("limit"); given != "" {
		if p.limit, err = strconv.Atoi(given); err != nil || p.limit < 1 || p.limit > maxLimit {
			return page{}, errLimit
		}
	}
	return p, nil
}

// getHistory is GET /clients/{id}/history: the events of a client, or its TimeMap if the caller prefers that.
func (a *API) getHistory(w *response, r *request) error {
	p, err := parsePage(r)
	if err != nil {
		return err
	}
	if err := w.reserved.reserve(a.responses, streamCost); err != nil {
		return err
	}
	if prefersLinks(r) {
		return p.sendTimeMap(a, w, r)
	}
	encoding := w.format.encoding()
	b := []byte(encoding.HistoryStart)
	next, err := p.each(a, w, r, func(v timeline.Version) (size int) {
		if len(b) > len(encoding.HistoryStart) {
			b = append(b, encoding.Separator...)
		}
		b = encoding.AppendEvent(b, eventFields(v))
		return len(b)
	})
	if err != nil {
		return err
	}
	if next != "" {
		w.Header().Set("Link", "<"+next+`>; rel="next"`)
	}
	if b = append(b, encoding.HistoryEnd...); !w.notModified(r, contentTag(b, next)) {
		w.send(http.StatusOK, b)
	}
	return nil
}

// each calls do with each version of the page. do returns how many bytes the page has by then. next is the path of the next
// page, or "". The error is domain.ErrNotFound if there never was such a client.
func (p page) each(a *API, w *response, r *request, do func(timeline.Version) int) (next string, err error) {
	if err := a.refresh(w, r); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), historyTimeout)
	defer cancel()
	known, size, n, last := false, 0, 0, uint64(0)
	for v, err := range a.Timeline.From(ctx, r.account, r.route.id, func(v timeline.Version) bool { return v.Version <= p.after }) {
		if err != nil {
			return "", err
		}
		known = true
		if v.Version <= p.after {
			continue
		}
		if n == p.limit || size > maxPage {
			return page{last, p.limit}.path(r.route), nil
		}
		size, last = do(v), v.Version
		n++
	}
	if !known {
		return "", domain.ErrNotFound
	}
	return "", nil
}

// path returns the path of the page, in the form of the request but for its slashes.
func (p page) path(r route) string {
	return fmt.Sprintf("%s/history%s?after=%d&limit=%d", clientPath(r.id), r.suffix, p.after, p.limit)
}

// eventFields returns what a history says of an event. Other services may name themselves and their events in any bytes.
func eventFields(v timeline.Version) []wire.Field {
	return []wire.Field{
		{Name: "version", Value: int64(v.Version)},
		{Name: "sequence", Value: int64(v.Sequence)},
		{Name: "type", Value: v.Type},
		{Name: "time", Value: v.At},
		{Name: "actor", Value: orNull(domain.Representable(v.Actor))},
		{Name: "correlation_id", Value: orNull(domain.Representable(v.CorrelationID))},
		{Name: "causation_id", Value: orNull(domain.Representable(v.CausationID))},
		{Name: "changes", Value: changes(v.Before, v.After)},
	}
}

// changes returns each attribute that differs, with both values.
func changes(before, after domain.Client) []wire.Field {
	changed := []wire.Field{}
	old, new := attributesOf(before), attributesOf(after)
	for i, was := range old {
		if is := new[i]; was.Value != is.Value {
			changed = append(changed, wire.Field{Name: was.Name, Value: []wire.Field{{Name: "before", Value: was.Value}, {Name: "after", Value: is.Value}}})
		}
	}
	return changed
}

// attributesOf returns the attributes that events change, in the order of a client. All are null for a client that does not
// exist.
func attributesOf(c domain.Client) []wire.Field {
	fields := []wire.Field{
		{Name: "name", Value: c.Name},
		{Name: "highrise_id", Value: c.HighriseID},
		{Name: "currency", Value: c.Currency},
		{Name: "active", Value: c.Active},
		{Name: "currency_symbol", Value: c.CurrencySymbol},
		{Name: "details", Value: c.Details},
		{Name: "default_invoice_timeframe", Value: orNull(c.DefaultInvoiceTimeframe)},
		{Name: "last_invoice_kind", Value: orNull(c.LastInvoiceKind)},
	}
	for i := range fields {
		if !c.Exists() || fields[i].Value == int64(0) {
			fields[i].Value = nil
		}
	}
	return fields
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// prefersLinks reports whether the caller wants a TimeMap more than the other formats.
func prefersLinks(r *request) bool {
	f, ok := preferred(r.Header, func(media string) format {
		if media == linkFormat {
			return linkFormat
		}
		return mediaFormat(media)
	})
	return r.route.suffix == "" && ok && f == linkFormat
}
