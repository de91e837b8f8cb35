package e2e_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// view is a client as a response shows it.
type view struct {
	Name                    string    `json:"name" xml:"name"`
	CreatedAt               time.Time `json:"created_at" xml:"created-at"`
	UpdatedAt               time.Time `json:"updated_at" xml:"updated-at"`
	HighriseID              *int64    `json:"highrise_id" xml:"-"`
	ID                      int64     `json:"id" xml:"id"`
	CacheVersion            uint64    `json:"cache_version" xml:"cache-version"`
	Currency                string    `json:"currency" xml:"currency"`
	Active                  bool      `json:"active" xml:"active"`
	CurrencySymbol          string    `json:"currency_symbol" xml:"currency-symbol"`
	Details                 string    `json:"details" xml:"details"`
	DefaultInvoiceTimeframe *string   `json:"default_invoice_timeframe" xml:"-"`
	LastInvoiceKind         *string   `json:"last_invoice_kind" xml:"-"`
}

// createFrom creates a client with XML elements as its content and returns its id.
func (c *client) createFrom(elements string, headers ...string) int64 {
	c.t.Helper()
	return c.want(http.StatusCreated, "POST", "/clients", "<client>"+elements+"</client>", append(headers, asXML)...).id(c.t)
}

// update changes a client with XML elements.
func (c *client) update(id int64, elements string, headers ...string) response {
	c.t.Helper()
	return c.want(http.StatusOK, "PUT", path(id), "<client>"+elements+"</client>", append(headers, asXML)...)
}

func togglePath(id int64) string { return path(id) + "/toggle" }

// get reads a client as JSON.
func (c *client) get(id int64) view {
	c.t.Helper()
	var document struct{ Client view }
	r := c.want(http.StatusOK, "GET", path(id)+".json", "")
	require.NoError(c.t, json.Unmarshal([]byte(r.body), &document), r.body)
	return document.Client
}

// getXML reads a client as XML.
func (c *client) getXML(id int64) view {
	c.t.Helper()
	var v view
	r := c.want(http.StatusOK, "GET", path(id)+".xml", "")
	require.NoError(c.t, xml.Unmarshal([]byte(r.body), &v), r.body)
	return v
}

// list reads all clients as JSON, or those that query, such as "?updated_since=2010-09-25", selects.
func (c *client) list(query string) []view {
	c.t.Helper()
	r := c.want(http.StatusOK, "GET", "/clients.json"+query, "")
	var documents []struct{ Client view }
	require.NoError(c.t, json.Unmarshal([]byte(r.body), &documents), r.body)
	views := make([]view, 0, len(documents))
	for _, d := range documents {
		views = append(views, d.Client)
	}
	return views
}

// listXML is list in XML.
func (c *client) listXML(query string) []view {
	c.t.Helper()
	r := c.want(http.StatusOK, "GET", "/clients.xml"+query, "")
	var document struct {
		Clients []view `xml:"client"`
	}
	require.NoError(c.t, xml.Unmarshal([]byte(r.body), &document), r.body)
	return document.Clients
}

// names returns the names of a list, in its order.
func names(views []view) []string {
	all := make([]string, 0, len(views))
	for _, v := range views {
		all = append(all, v.Name)
	}
	return all
}

// tag is the entity tag of a response.
func (r response) tag() string { return r.header.Get("ETag") }

// suprCorp is the body that creates a client.
const suprCorp = "<client><name>SuprCorp</name></client>"

// whole is a client with every attribute that a request can set.
const whole = `<name>SuprCorp</name>
  <highrise-id type="integer">568902</highrise-id>
  <currency>Euro - EUR</currency>
  <currency-symbol>E</currency-symbol>
  <active type="boolean">false</active>
  <details>123 Main St.
New York &amp; &lt;more&gt;</details>`

// jsonOf returns a value as JSON.
func jsonOf(t testing.TB, v any) string {
	t.Helper()
	document, err := json.Marshal(v)
	require.NoError(t, err)
	return string(document)
}

// fields returns the members of a JSON object.
func fields(t testing.TB, object string) map[string]any {
	t.Helper()
	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(object), &members), object)
	return members
}

// together makes n requests, up to 16 of them at once, and returns their responses in the order of i.
func (c *client) together(n int, send func(i int) (response, error)) []response {
	c.t.Helper()
	responses, errs := make([]response, n), make([]error, n)
	turns := make(chan int, n)
	for i := range n {
		turns <- i
	}
	close(turns)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for i := range turns {
				responses[i], errs[i] = send(i)
			}
		})
	}
	all.Wait()
	require.NoError(c.t, errors.Join(errs...))
	return responses
}

// countStatuses returns how many responses have each status.
func countStatuses(responses []response) map[int]int {
	count := make(map[int]int)
	for _, r := range responses {
		count[r.status]++
	}
	return count
}
