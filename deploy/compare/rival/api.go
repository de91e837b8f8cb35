package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"clients/domain"
	"clients/transport/wire"
)

const (
	account         = domain.DefaultAccount
	defaultCurrency = "United States Dollars - USD"
	maxBody         = 1 << 20
)

type api struct {
	store store
	log   *slog.Logger
}

// exchange is a request with what has been sent in response.
type exchange struct {
	w      http.ResponseWriter
	r      *http.Request
	id     string // of the request
	json   bool   // the format of the response
	client int64  // in the path
	status int
	bytes  int
}

// ServeHTTP makes one call of the API and writes the line of the access log that the service writes.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	x := &exchange{w: w, r: r, id: fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64())}
	w.Header().Set("X-Request-Id", x.id)
	if err := a.call(x); err != nil {
		a.fail(x, err)
	}
	a.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", x.status),
		slog.Int("bytes", x.bytes), slog.Float64("duration_ms", float64(time.Since(start).Microseconds())/1e3), slog.String("request_id", x.id),
		slog.String("account", account), slog.String("actor", "anonymous"), slog.String("remote", r.RemoteAddr))
}

// call chooses the format of the response and makes the call that the path names.
func (a *api) call(x *exchange) (err error) {
	path, asJSON := strings.CutSuffix(x.r.URL.Path, ".json")
	path = strings.TrimSuffix(path, ".xml")
	x.json = asJSON || x.r.Header.Get("Accept") == "application/json" || x.r.Header.Get("Content-Type") == "application/json"
	id, one := strings.CutPrefix(path, "/clients/")
	if one {
		if x.client, err = strconv.ParseInt(id, 10, 64); err != nil {
			return domain.ErrNotFound
		}
	}
	switch {
	case one && x.r.Method == http.MethodGet:
		return a.get(x)
	case one && x.r.Method == http.MethodPut:
		return a.update(x)
	case path == "/clients" && x.r.Method == http.MethodGet:
		return a.list(x)
	case path == "/clients" && x.r.Method == http.MethodPost:
		return a.create(x)
	}
	return domain.ErrNotFound
}

func (a *api) create(x *exchange) error {
	attributes, err := x.attributes()
	if err != nil {
		return err
	}
	event, err := domain.Decide(domain.Client{}, domain.References{}, domain.CreateClient{Attributes: attributes, DefaultCurrency: defaultCurrency})
	if err != nil {
		return err
	}
	id, err := a.store.create(x.r.Context(), account, x.id, event.(domain.ClientCreated))
	if err != nil {
		return err
	}
	x.stored(http.StatusCreated, id, 1)
	return nil
}

// update changes a client. The values are valid if a client can be created with them.
func (a *api) update(x *exchange) error {
	attributes, err := x.attributes()
	if err != nil {
		return err
	}
	probe := attributes
	if probe.Name == nil {
		probe.Name = new("-")
	}
	event, err := domain.Decide(domain.Client{}, domain.References{}, domain.CreateClient{Attributes: probe, DefaultCurrency: defaultCurrency})
	if err != nil {
		return err
	}
	if attributes.Currency != nil {
		attributes.CurrencySymbol = new(event.(domain.ClientCreated).CurrencySymbol)
	}
	version, err := a.store.update(x.r.Context(), account, x.id, x.client, attributes)
	if err != nil {
		return err
	}
	x.stored(http.StatusOK, x.client, version)
	return nil
}

func (a *api) get(x *exchange) error {
	client, err := a.store.get(x.r.Context(), account, x.client)
	if err != nil {
		return err
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	if x.json {
		*buffer = wire.AppendJSON((*buffer)[:0], &client)
	} else {
		*buffer = wire.AppendXMLDocument((*buffer)[:0], &client)
	}
	x.tag(client.ID, client.Revision.Version)
	x.send(http.StatusOK, *buffer)
	return nil
}

// list sends a list in one piece, from a buffer that grew to its size before.
func (a *api) list(x *exchange) error {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	b, start, separator, end, add := *buffer, wire.XMLListStart, "", wire.XMLListEnd, wire.AppendXML
	if x.json {
		start, separator, end, add = wire.JSONListStart, wire.JSONListSeparator, wire.JSONListEnd, wire.AppendJSON
	}
	b = append(b[:0], start...)
	var count, versions uint64 // every event changes their sum or, with a new client, both
	err := a.store.list(x.r.Context(), account, func(c *domain.Client) {
		if count > 0 {
			b = append(b, separator...)
		}
		b = add(b, c)
		count, versions = count+1, versions+c.Revision.Version
	})
	if err != nil {
		return err
	}
	*buffer = append(b, end...)
	x.tag(int64(count), versions)
	x.send(http.StatusOK, *buffer)
	return nil
}

// buffers hold responses.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// attributes decodes the body.
func (x *exchange) attributes() (a domain.ClientAttributes, err error) {
	var body []byte
	if n := x.r.ContentLength; 0 <= n && n <= maxBody {
		body = make([]byte, n)
		_, err = io.ReadFull(x.r.Body, body)
	} else {
		body, err = io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxBody))
	}
	if err != nil {
		return a, err
	}
	if x.r.Header.Get("Content-Type") == "application/json" {
		err = wire.DecodeJSON(body, "", &a)
	} else {
		err = wire.DecodeXML(body, "", &a)
	}
	return a, err
}

// tag sets the strong entity tag.
func (x *exchange) tag(id int64, version uint64) {
	format := "-xml\""
	if x.json {
		format = "-json\""
	}
	x.w.Header().Set("ETag", `"`+strconv.FormatInt(id, 16)+"-"+strconv.FormatUint(version, 16)+format)
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

func (x *exchange) send(status int, body []byte) {
	header := x.w.Header()
	header.Set("Content-Type", "application/xml; charset=utf-8")
	if x.json {
		header.Set("Content-Type", "application/json; charset=utf-8")
	}
	header.Set("Cache-Control", "private, no-cache")
	header.Set("Vary", "Accept, Content-Type, Authorization")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	x.status, x.bytes = status, len(body)
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // the caller is gone
}

// fail responds with an error.
func (a *api) fail(x *exchange, err error) {
	status, message := http.StatusServiceUnavailable, "The store cannot be reached."
	var syntax *wire.SyntaxError
	var refused *domain.Error
	switch {
	case errors.As(err, &syntax):
		status, message = http.StatusBadRequest, syntax.Reason
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
	if x.json {
		x.send(status, wire.AppendJSONError(nil, message))
	} else {
		x.send(status, wire.AppendXMLError(nil, message))
	}
}
