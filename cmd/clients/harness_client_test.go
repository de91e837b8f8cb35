package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// create stores a client with elements as its content, and answers its id.
func (c *caller) create(elements string) int64 {
	c.t.Helper()
	return c.want(http.StatusCreated, "POST", "/clients", "<client>"+elements+"</client>", asXML).id(c.t)
}

// named stores a client that has a name and nothing else.
func (c *caller) named(name string) int64 {
	c.t.Helper()
	return c.create("<name>" + name + "</name>")
}

// update changes a client.
func (c *caller) update(id int64, elements string, headers ...string) answer {
	c.t.Helper()
	return c.want(http.StatusOK, "PUT", path(id), "<client>"+elements+"</client>", append(headers, asXML)...)
}

func path(id int64) string       { return "/clients/" + strconv.FormatInt(id, 10) }
func togglePath(id int64) string { return path(id) + "/toggle" }

// view is a client as a caller sees it.
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

// get reads a client.
func (c *caller) get(id int64) view {
	c.t.Helper()
	var document struct{ Client view }
	a := c.want(http.StatusOK, "GET", path(id)+".json", "")
	require.NoError(c.t, json.Unmarshal([]byte(a.body), &document), a.body)
	return document.Client
}

// getXML reads a client as XML.
func (c *caller) getXML(id int64) view {
	c.t.Helper()
	var v view
	a := c.want(http.StatusOK, "GET", path(id)+".xml", "")
	require.NoError(c.t, xml.Unmarshal([]byte(a.body), &v), a.body)
	return v
}

// list reads all clients, or those that query asks for.
func (c *caller) list(query string) []view {
	c.t.Helper()
	a := c.want(http.StatusOK, "GET", "/clients.json"+query, "")
	var documents []struct{ Client view }
	require.NoError(c.t, json.Unmarshal([]byte(a.body), &documents), a.body)
	views := make([]view, 0, len(documents))
	for _, d := range documents {
		views = append(views, d.Client)
	}
	return views
}

// names answers the names of a list, in its order.
func names(views []view) []string {
	all := make([]string, 0, len(views))
	for _, v := range views {
		all = append(all, v.Name)
	}
	return all
}

// whole is a client with every attribute that a caller can give it.
const whole = `<name>SuprCorp</name>
  <highrise-id type="integer">568902</highrise-id>
  <currency>Euro - EUR</currency>
  <currency-symbol>E</currency-symbol>
  <active type="boolean">false</active>
  <details>123 Main St.
New York &amp; &lt;more&gt;</details>`

const newClient = "<client><name>SuprCorp</name></client>"

// writes are all calls that change something, each with its body and with another one. The id is filled in.
var writes = []struct{ method, path, body, other string }{
	{"POST", "/clients", newClient, "<client><name>Other</name></client>"},
	{"PUT", "/clients/%d", "<client><details>one</details></client>", "<client><details>two</details></client>"},
	{"POST", "/clients/%d/toggle", "", ""},
	{"DELETE", "/clients/%d", "", ""},
}

func fill(p string, id int64) string {
	if strings.Contains(p, "%d") {
		return fmt.Sprintf(p, id)
	}
	return p
}
