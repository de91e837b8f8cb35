package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// The defaults of a client follow its invoices, by an event of the client where they change and only there.
func TestInvoiceDefaultsFollowTheInvoices(t *testing.T) {
	t.Parallel()
	a := launch(t)
	other := a.tap()
	id := a.named("SuprCorp")
	client := fmt.Sprintf(`"client_id":%d`, id)
	require.Nil(t, a.get(id).LastInvoiceKind)
	require.Nil(t, a.get(id).DefaultInvoiceTimeframe)
	is := func(version uint64, kind, timeframe string) {
		t.Helper()
		eventually(t, fmt.Sprintf("version %d", version), func() bool { return a.get(id).CacheVersion >= version })
		v := a.get(id)
		require.Equal(t, version, v.CacheVersion)
		require.Equal(t, kind, orEmpty(v.LastInvoiceKind))
		require.Equal(t, timeframe, orEmpty(v.DefaultInvoiceTimeframe))
	}
	settled := func() { // everything said so far has been taken in
		t.Helper()
		a.want(400, "DELETE", path(id), "")
	}
	other.say(invoice("Created", 1, client+`,"kind":"task"`))
	is(1, "task", "")
	before := a.get(id)
	other.say(invoice("Updated", 1, `"period_start":"2011-01-01","period_end":"2011-12-31"`))
	is(2, "task", "20110101,20111231")
	require.False(t, a.get(id).UpdatedAt.Before(before.UpdatedAt))
	require.Len(t, a.list("?updated_since="+before.UpdatedAt.Format("2006-01-02T15:04:05Z")), 1)

	other.say(
		invoice("Updated", 1, `"kind":"task"`),
		invoice("Created", 2, client+`,"kind":"task","period_start":"2011-01-01","period_end":"2011-12-31"`),
		invoice("Created", 3, client),
		invoice("Updated", 3, `"period_start":"2012-01-01"`),
	)
	settled()
	is(2, "task", "20110101,20111231")
	a.update(id, "<name>Renamed</name>")
	other.say(invoice("Updated", 3, `"kind":"people","period_start":"2012-02-01","period_end":"2012-02-29"`))
	is(4, "people", "20120201,20120229")
	other.say(invoice("Deleted", 3, ""), invoice("Deleted", 2, ""))
	settled()
	is(4, "people", "20120201,20120229")

	body := a.want(200, "GET", path(id)+".xml", "").body
	require.Contains(t, compact(body), "<default-invoice-timeframe>20120201,20120229</default-invoice-timeframe><last-invoice-kind>people</last-invoice-kind>")
	var changes []string
	for _, m := range a.tap().messages() {
		if m.header.Get("ce-type") == "clients.v1.ClientInvoiceDefaultsChanged" {
			changes = append(changes, m.data)
			require.NotEmpty(t, m.header.Get("ce-causationid"))
		}
	}
	require.Equal(t, []string{
		fmt.Sprintf(`{"id":%d,"default_invoice_timeframe":null,"last_invoice_kind":"task"}`, id),
		fmt.Sprintf(`{"id":%d,"default_invoice_timeframe":"20110101,20111231","last_invoice_kind":"task"}`, id),
		fmt.Sprintf(`{"id":%d,"default_invoice_timeframe":"20120201,20120229","last_invoice_kind":"people"}`, id),
	}, changes)
	a = a.relaunch()
	is(4, "people", "20120201,20120229")
}

// An old event that comes again does not bring old defaults back.
func TestARepeatedInvoiceEventChangesNothing(t *testing.T) {
	t.Parallel()
	a := launch(t)
	other := a.tap()
	id := a.named("SuprCorp")
	old := invoice("Created", 1, fmt.Sprintf(`"client_id":%d,"kind":"task"`, id)).message()
	other.publish(old.Subject, old.Header, string(old.Data))
	other.say(invoice("Updated", 1, `"kind":"people"`))
	old.Header.Set("Nats-Msg-Id", "past the server's own memory")
	other.publish(old.Subject, old.Header, string(old.Data))
	a.want(400, "DELETE", path(id), "")
	require.Equal(t, "people", *a.get(id).LastInvoiceKind)
	require.Equal(t, uint64(2), a.get(id).CacheVersion)
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
