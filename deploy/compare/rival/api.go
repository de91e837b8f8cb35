package main

import (
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
	path, suffixed := strings.CutSuffix(x.r.URL.Path, ".json")
	path = strings.TrimSuffix(path, ".xml")
	x.format = asXML
	if suffixed || x.r.Header.Get("Accept") == "application/json" || x.isJSON() {
		x.format = asJSON
	}
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

// update changes a client. The values are valid if a client can be created with them. A null currency-symbol without a
// currency is ignored, since the currency is not read first.
func (a *api) update(x *exchange) error {
	attributes, err := x.attributes()
	if err != nil {
		return err
	}
	probe := attributes
	if probe.Name == nil {
		probe.Name = new("-")
	}
	if probe.Currency == nil {
		probe.Currency = new(defaultCurrency)
	}
	event, err := domain.Decide(domain.Client{}, domain.References{}, domain.CreateClient{Attributes: probe})
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
	*buffer = x.format.AppendDocument((*buffer)[:0], &client)
	x.tag(client.ID, client.Revision.Version)
	x.send(http.StatusOK, *buffer)
	return nil
}

// list sends a list in one piece, from a buffer that grew to its size before.
func (a *api) list(x *exchange) error {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	b := append((*buffer)[:0], x.format.ListStart...)
	var count, versions uint64 // every event changes their sum or, with a new client, both
	err := a.store.list(x.r.Context(), account, func(c *domain.Client) {
		if count > 0 {
			b = append(b, x.format.Separator...)
		}
		b = x.format.AppendClient(b, c)
		count, versions = count+1, versions+c.Revision.Version
	})
	if err != nil {
		return err
	}
	*buffer = append(b, x.format.ListEnd...)
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
	if x.isJSON() {
		err = wire.DecodeJSON(body, "", &a)
	} else {
		err = wire.DecodeXML(body, "", &a)
	}
	return a, err
}
