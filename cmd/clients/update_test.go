package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUpdateAnswersWhereTheClientIs(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for i, request := range []struct{ suffix, body, kind string }{
		{"", "<client><name>One</name></client>", asXML},
		{".xml", "<client><name>Two</name></client>", asXML},
		{"", `{"client":{"name":"Three"}}`, asJSON},
		{".json", `{"client":{"name":"Four"}}`, asJSON},
		{"/", "<client><name>Five</name></client>", asXML},
	} {
		got := a.want(200, "PUT", path(id)+request.suffix, request.body, request.kind)
		require.Empty(t, got.body)
		require.Equal(t, path(id), got.header.Get("Location"))
		v := a.get(id)
		require.Contains(t, request.body, v.Name)
		require.Equal(t, uint64(i+1), v.CacheVersion, "it grows by one with every event")
	}
}

func TestUpdateChangesOnlyWhatItNames(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.create(whole)
	want := a.get(id)
	for _, change := range []struct {
		elements string
		apply    func(*view)
	}{
		{`<name>Company LLC</name>`, func(v *view) { v.Name = "Company LLC" }},
		{`<highrise-id type="integer">7</highrise-id>`, func(v *view) { v.HighriseID = new(int64(7)) }},
		{`<highrise-id type="integer" nil="true"/>`, func(v *view) { v.HighriseID = nil }},
		{`<active type="boolean">true</active>`, func(v *view) { v.Active = true }},
		{`<active>false</active>`, func(v *view) { v.Active = false }},
		{`<details>new</details>`, func(v *view) { v.Details = "new" }},
		{`<details></details>`, func(v *view) { v.Details = "" }},
		{`<currency-symbol>$$</currency-symbol>`, func(v *view) { v.CurrencySymbol = "$$" }},
		{`<currency>Yen - JPY</currency>`, func(v *view) { v.Currency, v.CurrencySymbol = "Yen - JPY", "¥" }},
		{`<currency>Zloty - PLN</currency><currency-symbol>Zl</currency-symbol>`, func(v *view) { v.Currency, v.CurrencySymbol = "Zloty - PLN", "Zl" }},
		{`<currency-symbol nil="true"/>`, func(v *view) { v.CurrencySymbol = "zł" }},
		{`<currency>Sea shells</currency>`, func(v *view) { v.Currency, v.CurrencySymbol = "Sea shells", "" }},
	} {
		a.update(id, change.elements)
		change.apply(&want)
		want.CacheVersion++
		got := a.get(id)
		require.False(t, got.UpdatedAt.Before(want.UpdatedAt))
		want.UpdatedAt = got.UpdatedAt
		require.Equal(t, want, got, change.elements)
	}
}

func TestUpdateTreatsNullAsTheContractSays(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.create(whole)
	a.want(200, "PUT", path(id), `{"client":{"highrise_id":null,"details":null,"currency_symbol":null}}`, asJSON)
	v := a.get(id)
	require.Nil(t, v.HighriseID)
	require.Empty(t, v.Details)
	require.Equal(t, "€", v.CurrencySymbol, "derived again")
	last := a.tap().lastSequence()
	for _, name := range []string{"name", "currency", "active"} {
		require.NotEmpty(t, a.want(400, "PUT", path(id), `{"client":{"`+name+`":null}}`, asJSON).header.Get("Hint"), name)
		require.NotEmpty(t, a.want(400, "PUT", path(id), `<client><`+name+` nil="true"/></client>`, asXML).header.Get("Hint"), name)
	}
	require.Equal(t, last, a.tap().lastSequence())
}

// Client libraries send back the object that they were given.
func TestUpdateWithTheWholeObjectChangesNothingAndAppendsNothing(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for _, id := range []int64{a.create(whole), a.named("SuprCorp")} {
		before := a.get(id)
		last := a.tap().lastSequence()
		for suffix, kind := range map[string]string{".xml": asXML, ".json": asJSON} {
			given := a.want(200, "GET", path(id)+suffix, "")
			got := a.want(200, "PUT", path(id)+suffix, given.body, kind)
			require.Empty(t, got.body)
			require.Equal(t, path(id), got.header.Get("Location"))
			require.Equal(t, given.tag(), got.tag())
		}
		require.Equal(t, last, a.tap().lastSequence())
		require.Equal(t, before, a.get(id))
	}
}

func TestUpdateThatChangesNothingAppendsNothing(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.create(whole)
	before, last := a.get(id), a.tap().lastSequence()
	for _, elements := range []string{"", "<name>SuprCorp</name>", "<currency>Euro - EUR</currency>", "<invented>x</invented>"} {
		a.update(id, elements)
	}
	a.want(200, "PUT", path(id), "")
	a.want(200, "PUT", path(id), `{"client":{}}`, asJSON)
	require.Equal(t, last, a.tap().lastSequence())
	require.Equal(t, before, a.get(id))
}

func TestUpdateWithTheWholeObjectAndOneChange(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.create(whole)
	given := a.want(200, "GET", path(id), "").body
	a.want(200, "PUT", path(id), strings.Replace(given, "<name>SuprCorp<", "<name>Company LLC<", 1), asXML)
	v := a.get(id)
	require.Equal(t, "Company LLC", v.Name)
	require.Equal(t, uint64(1), v.CacheVersion)
	require.Equal(t, "E", v.CurrencySymbol)
}

func TestUpdateOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	a.want(200, "DELETE", path(id), "")
	last := a.tap().lastSequence()
	for _, missing := range []int64{id, id + 1000} {
		require.NotEmpty(t, a.want(404, "PUT", path(missing), "<client><name>x</name></client>", asXML).message(t))
		a.want(404, "PUT", path(missing), `{"client":{}}`, asJSON)
	}
	require.Equal(t, last, a.tap().lastSequence())
}
