package transport

import (
	"context"
	"net/http"
	"time"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/transport/wire"
)

// listClients is GET /clients, with or without updated_since.
func (x *exchange) listClients() error {
	since, filtered, err := updatedSince(x.r.URL.RawQuery)
	if err != nil {
		return err
	}
	_ = x.refresh()
	var listing readmodel.Listing
	if filtered {
		listing = x.api.Directory.UpdatedSince(x.account, since)
	} else {
		listing = x.api.Directory.List(x.account)
	}
	if x.unchanged(listing.Revision) {
		x.notModified()
		return nil
	}
	return x.writeList(listing)
}

// getClient is GET /clients/{id}.
func (x *exchange) getClient() error {
	stale := x.refresh()
	client, found := x.api.Directory.Client(x.account, x.route.id)
	if !found && stale != nil { // it may have been created through another replica
		x.w.Header().Del("Warning")
		return domain.NoStore(stale)
	}
	if !found {
		return domain.ErrNotFound
	}
	if x.unchanged(client.Revision) {
		x.notModified()
		return nil
	}
	if len(client.Details) > smallDetails {
		if err := x.reserve(x.api.responses, largeResponse); err != nil {
			return err
		}
	}
	buffer := x.api.buffers.get()
	defer x.api.buffers.put(buffer)
	if x.format == formatJSON {
		*buffer = wire.AppendJSON(*buffer, &client)
	} else {
		*buffer = wire.AppendXMLDocument(*buffer, &client)
	}
	x.write(http.StatusOK, *buffer)
	return nil
}

// createClient is POST /clients.
func (x *exchange) createClient() error {
	attributes, err := x.attributes()
	if err != nil {
		return err
	}
	return x.command(domain.CreateClient{Attributes: attributes}, x.body, http.StatusCreated)
}

// updateClient is PUT /clients/{id}.
func (x *exchange) updateClient() error {
	attributes, err := x.attributes()
	if err != nil {
		return err
	}
	return x.command(domain.UpdateClient{Attributes: attributes}, x.body, http.StatusOK)
}

// toggleClient is POST /clients/{id}/toggle.
func (x *exchange) toggleClient() error {
	return x.command(domain.ToggleClient{}, nil, http.StatusOK)
}

// deleteClient is DELETE /clients/{id}.
func (x *exchange) deleteClient() error {
	if _, err := x.handle(domain.DeleteClient{}, nil); err != nil {
		return err
	}
	x.empty(http.StatusOK)
	return nil
}

// freshness is how long a read waits for the directory.
const freshness = time.Second

// refresh makes the read show every write that was acknowledged before. Otherwise it adds a Warning and returns an error.
func (x *exchange) refresh() error {
	if x.api.Eventual {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), freshness) // a caller that half-closes still reads
	defer cancel()
	err := x.api.Directory.Refresh(ctx)
	if err != nil {
		x.w.Header().Set("Warning", `110 - "Response is stale"`)
		x.api.Log.Warn("read may be stale", "request_id", x.requestID, "error", err)
	}
	return err
}

// unchanged sets the headers of a GET, and reports whether the caller has the revision already.
func (x *exchange) unchanged(revision domain.Revision) bool {
	current := tag(revision, x.format)
	header := x.w.Header()
	header.Set("ETag", current)
	header.Set("Cache-Control", "private, no-cache")
	x.vary()
	known := noneMatch(x.r.Header, current)
	if known != "" {
		header.Set("ETag", known)
	}
	return known != ""
}
