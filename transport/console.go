package transport

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"time"

	"clients/domain"
	"clients/transport/console"
)

// The console: pages for people, which package console makes. They are admitted, refreshed and bounded as the other GETs.

// showConsole is GET /console/: a page of the list.
func showConsole(a *API, w *response, r *request) error {
	query, err := r.query()
	if err != nil {
		return err
	}
	if err := w.reserved.reserve(a.responses, largeResponse); err != nil {
		return err
	}
	stale := a.refresh(w, r)
	listing := a.Directory.List(r.account)
	return w.sendPage(http.StatusOK, console.List(newFrame(a, r, listing.Sequence, stale), query, listing), nil)
}

// showClient is GET /console/clients/{id}: a client and its history. Without NATS it is the client alone.
func showClient(a *API, w *response, r *request) error {
	p, err := parsePast(r)
	if err != nil {
		return err
	}
	before, _ := strconv.ParseUint(r.URL.Query().Get("before"), 10, 64) // the newest events unless it is a version
	selection := console.Selection{Version: p.version, At: p.at, Before: before}
	if err := w.reserved.reserve(a.responses, streamCost); err != nil {
		return err
	}
	stale := a.refresh(w, r)
	if selection.At.After(time.Now()) && selection.At.After(a.Directory.Clock()) {
		return errFuture
	}
	client, sequence, found := a.Directory.Client(r.account, r.route.id)
	frame := newFrame(a, r, sequence, stale)
	if stale == nil {
		ctx, cancel := context.WithTimeout(r.Context(), historyTimeout)
		defer cancel()
		versions := a.Timeline.From(ctx, r.account, r.route.id, selection.Unneeded(client.Revision.Version))
		page, status, err := console.Client(frame, client, versions, r.route.id, selection)
		if domain.KindOf(err) != domain.Unavailable {
			return w.sendPage(status, page, err)
		}
		stale = domain.NoStore(err)
	}
	if !found || selection.Past() {
		return stale
	}
	page, status, err := console.Client(frame, client, nil, r.route.id, selection)
	return w.sendPage(status, page, err)
}

// newFrame returns what all pages have in common.
func newFrame(a *API, r *request, sequence uint64, stale error) console.Frame {
	return console.Frame{
		Account: r.account, User: r.actor, Position: fmt.Sprintf("%d-%s", sequence, a.Epoch()), Stale: stale != nil, ReadOnly: a.ReadOnly() != "",
	}
}

// sendPage sends a page, unless it could not be made.
func (w *response) sendPage(status int, page []byte, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	w.vary()
	w.send(status, page)
	return nil
}

// showAsset is GET /console/{asset}: what pages refer to.
func showAsset(_ *API, w *response, r *request) error {
	content, kind, found := console.Asset(path.Base(r.URL.Path))
	if !found {
		return errNoRoute
	}
	if !w.notModified(r, contentTag(content, "")) {
		w.Header().Set("Content-Type", kind)
		w.send(http.StatusOK, content)
	}
	return nil
}
