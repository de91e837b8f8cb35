package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// whole is a client with every attribute that a caller can give it.
const whole = `<name>SuprCorp</name>
  <highrise-id type="integer">568902</highrise-id>
  <currency>Euro - EUR</currency>
  <currency-symbol>E</currency-symbol>
  <active type="boolean">false</active>
  <details>123 Main St.
New York &amp; &lt;more&gt;</details>`

func TestGetXMLHasTheDocumentsElementsInItsOrder(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.create(whole)
	v := a.get(id)
	got := a.want(200, "GET", path(id)+".xml", "")
	require.Equal(t, "application/xml; charset=utf-8", got.header.Get("Content-Type"))
	require.Equal(t, fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>`+
		`<client><name>SuprCorp</name>`+
		`<created-at type="datetime">%s</created-at>`+
		`<updated-at type="datetime">%s</updated-at>`+
		`<highrise-id type="integer">568902</highrise-id>`+
		`<id type="integer">%d</id>`+
		`<cache-version type="integer">0</cache-version>`+
		`<currency>Euro - EUR</currency>`+
		`<active type="boolean">false</active>`+
		`<currency-symbol>E</currency-symbol>`+
		"<details>123 Main St.\nNew York &amp; &lt;more&gt;</details>"+
		`<default-invoice-timeframe nil="true"/>`+
		`<last-invoice-kind nil="true"/></client>`,
		v.CreatedAt.Format(time.RFC3339), v.UpdatedAt.Format(time.RFC3339), id), compact(got.body))
}

func TestGetXMLTellsNullFromEmpty(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("Only a name")
	got := compact(a.want(200, "GET", path(id), "").body)
	require.Contains(t, got, `<highrise-id type="integer" nil="true"/>`)
	require.Contains(t, got, `<details></details>`)
}

func TestGetJSONHasUnderscoresAndNulls(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named(`Ünï "quoted" \`)
	v := a.get(id)
	got := a.want(200, "GET", path(id)+".json", "")
	require.Equal(t, "application/json; charset=utf-8", got.header.Get("Content-Type"))
	require.JSONEq(t, fmt.Sprintf(`{"client":{
		"name": "Ünï \"quoted\" \\", "created_at": %q, "updated_at": %q, "highrise_id": null, "id": %d,
		"cache_version": 0, "currency": "United States Dollars - USD", "active": true, "currency_symbol": "$",
		"details": "", "default_invoice_timeframe": null, "last_invoice_kind": null}}`,
		v.CreatedAt.Format(time.RFC3339), v.UpdatedAt.Format(time.RFC3339), id), got.body)
}

func TestGetTellsTimesInWholeSecondsOfUTC(t *testing.T) {
	t.Parallel()
	a := launch(t)
	before := time.Now().Truncate(time.Second)
	id := a.named("SuprCorp")
	got := a.want(200, "GET", path(id), "").body
	require.Regexp(t, `<created-at type="datetime">\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ</created-at>`, got)
	require.Regexp(t, `<updated-at type="datetime">\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ</updated-at>`, got)
	v := a.get(id)
	require.Equal(t, v.CreatedAt, v.UpdatedAt)
	require.WithinRange(t, v.CreatedAt, before, time.Now())
}

func TestGetOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	a := launch(t)
	deleted := a.named("SuprCorp")
	a.want(200, "DELETE", path(deleted), "")
	for _, p := range []string{path(deleted), path(deleted + 1000), "/clients/9223372036854775807"} {
		got := a.want(404, "GET", p, "")
		require.NotEmpty(t, got.message(t))
		require.Empty(t, got.header.Get("Hint"), "only a 400 has one")
		require.NotEmpty(t, a.want(404, "GET", p+".json", "").message(t))
	}
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for _, p := range []string{path(id), path(id) + ".json", "/clients", "/clients.json"} {
		get, head := a.want(200, "GET", p, ""), a.want(200, "HEAD", p, "")
		require.Empty(t, head.body)
		for _, name := range []string{"Content-Type", "ETag", "Vary", "Cache-Control"} {
			require.Equal(t, get.header.Values(name), head.header.Values(name), "%s of %s", name, p)
			require.NotEmpty(t, head.header.Get(name), "%s of %s", name, p)
		}
		a.want(http.StatusNotModified, "HEAD", p, "", "If-None-Match: "+get.tag())
	}
	require.Empty(t, a.want(404, "HEAD", "/clients/999999", "").body)
}

func TestGetIgnoresABody(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for _, body := range []string{"<client><name>Other</name></client>", "{{{", "<!DOCTYPE x>"} {
		for _, kind := range []string{asXML, "Content-Type: image/png"} {
			a.want(200, "GET", path(id), body, kind)
			a.want(200, "GET", "/clients", body, kind)
		}
	}
	require.Equal(t, "SuprCorp", a.get(id).Name)
}
