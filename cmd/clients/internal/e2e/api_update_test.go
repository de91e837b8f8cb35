package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUpdateChangesOnlyWhatItNames(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.createFrom(whole)
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
		r := a.update(id, change.elements)
		require.Empty(t, r.body)
		require.Equal(t, path(id), r.header.Get("Location"))
		change.apply(&want)
		want.CacheVersion++
		got := a.get(id)
		require.False(t, got.UpdatedAt.Before(want.UpdatedAt))
		want.UpdatedAt = got.UpdatedAt
		require.Equal(t, want, got, change.elements)
	}
}

func TestUpdateThatChangesNothingAppendsNothing(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.createFrom(whole)
	before, stored := a.get(id), a.stored()
	inXML, inJSON := a.want(200, "GET", path(id)+".xml", ""), a.want(200, "GET", path(id)+".json", "")
	for _, c := range []struct{ body, kind string }{
		{"", asXML},
		{"<client/>", asXML},
		{"<client><name>SuprCorp</name></client>", asXML},
		{"<client><currency>Euro - EUR</currency></client>", asXML},
		{"<client><invented>x</invented></client>", asXML},
		{`{"client":{}}`, asJSON},
		{inXML.body, asXML}, // libraries send the whole object back
		{inJSON.body, asJSON},
	} {
		r := a.want(200, "PUT", path(id), c.body, c.kind, acceptJSON)
		require.Empty(t, r.body)
		require.Equal(t, path(id), r.header.Get("Location"))
		require.Equal(t, inJSON.tag(), r.tag())
	}
	require.Equal(t, stored, a.stored())
	require.Equal(t, before, a.get(id))
}

// Toggle, and requests for a deleted client.
func TestToggleAndDelete(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id, other := a.create("SuprCorp"), a.create("Other")
	for i, suffix := range []string{"", ".xml", ".json", "/"} {
		a.want(200, "POST", togglePath(id)+suffix, "")
		v := a.get(id)
		require.Equal(t, i%2 == 1, v.Active)
		require.Equal(t, uint64(i+1), v.CacheVersion, "it grows by one with every event")
		require.Len(t, a.list(""), 2, "an inactive client stays in the list")
	}
	for _, suffix := range []string{"", ".xml", ".json", "/"} {
		deleted := a.create("Deleted")
		r := a.want(200, "DELETE", path(deleted)+suffix, "")
		require.Empty(t, r.body)
		require.Equal(t, "0", r.header.Get("Content-Length"))
		stored := a.stored()
		for _, missing := range []int64{deleted, deleted + 1_000_000, 9223372036854775807} {
			for _, format := range []string{"", ".json"} {
				for method, path := range map[string]string{"GET": path(missing), "PUT": path(missing), "POST": togglePath(missing), "DELETE": path(missing)} {
					r := a.want(404, method, path+format, suprCorp, asXML)
					require.NotEmpty(t, r.message(t))
					require.NotContains(t, r.header, "Hint", "only a 400 has one")
				}
			}
		}
		require.Equal(t, stored, a.stored())
		require.Equal(t, []string{"Other", "SuprCorp"}, names(a.list("")))
	}
	a.want(200, "DELETE", path(other), "")
	require.Equal(t, []string{"SuprCorp"}, names(a.list("")))
}
