package e2e_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// The defaults of a client follow its invoices, by an event of the client where they change and only there.
func TestInvoiceDefaultsFollowTheInvoices(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp")
	client := fmt.Sprintf(`"client_id":%d`, id)
	before := a.get(id)
	require.Nil(t, before.LastInvoiceKind)
	require.Nil(t, before.DefaultInvoiceTimeframe)
	for _, c := range []struct {
		kind, attributes string // of an event about an invoice
		invoice          int64
		version          uint64
		last, timeframe  string // what the client has then
	}{
		{"InvoiceCreated", client + `,"kind":"task"`, 1, 1, "task", ""},
		{"InvoiceUpdated", `"period_start":"2011-01-01","period_end":"2011-12-31"`, 1, 2, "task", "20110101,20111231"},
		{"InvoiceUpdated", `"kind":"task"`, 1, 2, "task", "20110101,20111231"},
		{"InvoiceCreated", client + `,"kind":"task","period_start":"2011-01-01","period_end":"2011-12-31"`, 2, 2, "task", "20110101,20111231"},
		{"InvoiceCreated", client, 3, 2, "task", "20110101,20111231"},
		{"InvoiceUpdated", `"period_start":"2012-01-01"`, 3, 2, "task", "20110101,20111231"},
		{"InvoiceUpdated", `"kind":"people","period_start":"2012-02-01","period_end":"2012-02-29"`, 3, 3, "people", "20120201,20120229"},
		{"InvoiceDeleted", "", 3, 3, "people", "20120201,20120229"},
		{"InvoiceDeleted", "", 2, 3, "people", "20120201,20120229"},
	} {
		a.invoice(c.kind, c.invoice, c.attributes)
		a.want(400, "DELETE", path(id), "") // returns when the event has been read
		v := a.get(id)
		require.Equal(t, c.version, v.CacheVersion, c.attributes)
		require.Equal(t, c.last, orEmpty(v.LastInvoiceKind), c.attributes)
		require.Equal(t, c.timeframe, orEmpty(v.DefaultInvoiceTimeframe), c.attributes)
		require.False(t, v.UpdatedAt.Before(before.UpdatedAt))
	}
	require.Contains(t, a.want(200, "GET", path(id)+".xml", "").body,
		"<default-invoice-timeframe>20120201,20120229</default-invoice-timeframe>\n  <last-invoice-kind>people</last-invoice-kind>")
	var changes []string
	for _, e := range a.events() {
		if e.is("ClientInvoiceDefaultsChanged") {
			changes = append(changes, e.data)
			require.NotEmpty(t, e.header.Get("ce-causationid"))
		}
	}
	require.Equal(t, []string{
		fmt.Sprintf(`{"id":%d,"default_invoice_timeframe":null,"last_invoice_kind":"task"}`, id),
		fmt.Sprintf(`{"id":%d,"default_invoice_timeframe":"20110101,20111231","last_invoice_kind":"task"}`, id),
		fmt.Sprintf(`{"id":%d,"default_invoice_timeframe":"20120201,20120229","last_invoice_kind":"people"}`, id),
	}, changes)
}

// An old event that is sent again does not bring old defaults back.
func TestARepeatedInvoiceEventChangesNothing(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp")
	created := fmt.Sprintf(`"client_id":%d,"kind":"task"`, id)
	a.invoice("InvoiceCreated", 1, created, "ce-id: the first", "Nats-Msg-Id: "+a.account)
	a.invoice("InvoiceUpdated", 1, `"kind":"people"`)
	a.invoice("InvoiceCreated", 1, created, "ce-id: the first", "Nats-Msg-Id: later than the server remembers, "+a.account)
	a.want(400, "DELETE", path(id), "")
	require.Equal(t, "people", orEmpty(a.get(id).LastInvoiceKind))
	require.Equal(t, uint64(2), a.get(id).CacheVersion)
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
