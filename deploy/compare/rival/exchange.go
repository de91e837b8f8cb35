package main

import (
	"errors"
	"net/http"
	"strconv"

	"clients/domain"
	"clients/transport/wire"
)

// exchange is a request with what has been sent in response.
type exchange struct {
	w      http.ResponseWriter
	r      *http.Request
	id     string  // of the request
	format *format // of the response
	client int64   // in the path
	status int
	bytes  int
}

// format is a format of responses.
type format struct {
	*wire.Encoding
	name string
}

var (
	asXML  = &format{wire.XML, "xml"}
	asJSON = &format{wire.JSON, "json"}
)

// isJSON reports whether the body is JSON.
func (x *exchange) isJSON() bool { return x.r.Header.Get("Content-Type") == "application/json" }

// tag sets the strong entity tag.
func (x *exchange) tag(id int64, version uint64) {
	x.w.Header().Set("ETag", `"`+strconv.FormatInt(id, 16)+"-"+strconv.FormatUint(version, 16)+"-"+x.format.name+`"`)
}

// stored responds to a write.
func (x *exchange) stored(status int, id int64, version uint64) {
	x.tag(id, version)
	header := x.w.Header()
	header.Set("Location", "/clients/"+strconv.FormatInt(id, 10))
	header.Set("Content-Length", "0")
	x.status = status
	x.w.WriteHeader(status)
}

// send responds with a body.
func (x *exchange) send(status int, body []byte) {
	header := x.w.Header()
	header.Set("Content-Type", x.format.ContentType)
	header.Set("Cache-Control", "private, no-cache")
	header.Set("Vary", "Accept, Content-Type, Authorization")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	x.status, x.bytes = status, len(body)
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // there is no way to report this to the caller
}

// fail responds with an error.
func (a *api) fail(x *exchange, err error) {
	status, message := http.StatusServiceUnavailable, "The store cannot be reached."
	var refused *domain.Error
	switch {
	case errors.Is(err, domain.ErrNotFound):
		status, message = http.StatusNotFound, domain.ErrNotFound.Message
	case errors.As(err, &refused):
		status, message = http.StatusBadRequest, refused.Message
	default:
		a.log.Error("request failed", "request_id", x.id, "error", err)
	}
	if status == http.StatusBadRequest {
		x.w.Header()["Hint"] = []string{message}
	}
	x.send(status, x.format.AppendError(nil, message))
}
