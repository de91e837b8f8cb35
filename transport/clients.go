package transport

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/transport/lists"
	"clients/transport/wire"
)

// listClients is GET /clients, with or without updated_since.
func (a *API) listClients(w *response, r *request) error {
	since, filtered, err := r.updatedSince()
	if err != nil {
		return err
	}
	_ = a.refresh(w, r)
	var listing readmodel.Listing
	if filtered {
		listing = a.Directory.UpdatedSince(r.account, since)
	} else {
		listing = a.Directory.List(r.account)
	}
	a.setPosition(w, listing.Sequence)
	if w.notModified(r, tag(listing.Revision, w.format)) {
		return nil
	}
	return a.sendList(w, r, listing, filtered)
}

// sendList sends a list, or returns errMemory. A list that fits into one chunk is sent with its length. The write timeout starts
// anew with each chunk.
func (a *API) sendList(w *response, r *request, listing readmodel.Listing, filtered bool) error {
	if err := w.reserved.reserve(a.responses, largeResponse); err != nil {
		return err
	}
	w.typed()
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	chunks := lists.Chunks(listing, w.format.encoding())
	if !filtered {
		chunks = a.lists.Chunks(r.account, listing, w.format.encoding())
	}
	for chunk, last := range chunks {
		if last && w.status == 0 {
			w.Header().Set("Content-Length", strconv.Itoa(len(chunk)))
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := w.Write(chunk); err != nil {
			return nil // the caller is gone
		}
	}
	return nil
}

// getClient is GET /clients/{id}.
func (a *API) getClient(w *response, r *request) error {
	w.mementoHeaders(r.route)
	p, err := parsePast(r)
	if err != nil {
		return err
	}
	if p.by != present {
		return a.getVersion(w, r, p)
	}
	stale := a.refresh(w, r)
	client, sequence, found := a.Directory.Client(r.account, r.route.id)
	if !found && stale != nil { // it may have been created through another replica
		return stale
	}
	if !found {
		return domain.ErrNotFound
	}
	a.setPosition(w, sequence)
	return a.sendClient(w, r, client)
}

// sendClient sends a client, unless the caller has it already.
func (a *API) sendClient(w *response, r *request, client domain.Client) error {
	if w.notModified(r, tag(client.Revision, w.format)) {
		return nil
	}
	if len(client.Details) > smallDetails {
		if err := w.reserved.reserve(a.responses, largeResponse); err != nil {
			return err
		}
	}
	w.send(http.StatusOK, w.format.encoding().AppendDocument(make([]byte, 0, 1<<10), &client))
	return nil
}

// setPosition sets where in the stream a subscriber goes on from a response: it reflects all events up to a sequence, and
// none behind it.
func (a *API) setPosition(w *response, sequence uint64) {
	w.Header()["Stream-Sequence"] = []string{strconv.FormatUint(sequence, 10)}
	w.Header()["Stream-Epoch"] = []string{a.Epoch()}
}

// createClient is POST /clients.
func (a *API) createClient(w *response, r *request) error {
	attributes, err := r.attributes()
	if err != nil {
		return err
	}
	return a.command(w, r, domain.CreateClient{Attributes: attributes}, r.body, http.StatusCreated)
}

// updateClient is PUT /clients/{id}.
func (a *API) updateClient(w *response, r *request) error {
	attributes, err := r.attributes()
	if err != nil {
		return err
	}
	return a.command(w, r, domain.UpdateClient{Attributes: attributes}, r.body, http.StatusOK)
}

// toggleClient is POST /clients/{id}/toggle.
func (a *API) toggleClient(w *response, r *request) error {
	return a.command(w, r, domain.ToggleClient{}, nil, http.StatusOK)
}

// deleteClient is DELETE /clients/{id}.
func (a *API) deleteClient(w *response, r *request) error {
	if _, err := a.handle(r, domain.DeleteClient{}, nil); err != nil {
		return err
	}
	w.sendEmpty(http.StatusOK)
	return nil
}

// freshness is how long a read waits for the directory.
const freshness = time.Second

// refresh makes the read show every write that was acknowledged before. Otherwise it adds a Warning, which a refusal removes, and
// returns a domain.Unavailable.
func (a *API) refresh(w *response, r *request) error {
	if a.Eventual {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), freshness) // a caller that half-closes still reads
	defer cancel()
	err := a.Directory.Refresh(ctx)
	if err == nil {
		return nil
	}
	w.Header().Set("Warning", `110 - "Response is stale"`)
	a.Log.Warn("read may be stale", "request_id", r.id, "error", err)
	return domain.NoStore(err)
}

// updatedSince reads the parameter updated_since. found is false if the query does not name it, or it is blank.
func (r *request) updatedSince() (since time.Time, found bool, err error) {
	query, err := r.query()
	if err != nil {
		return time.Time{}, false, err
	}
	if query.Has("as_of") || query.Has("version") {
		return time.Time{}, false, errListPast
	}
	given := strings.TrimSpace(query.Get("updated_since"))
	if given == "" {
		return time.Time{}, false, nil
	}
	since, ok := wire.ParseTime(given)
	if !ok {
		return time.Time{}, true, errSince
	}
	return since, true, nil
}
