package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// recordKit makes a service store events of all types, and another program store what the service does not: foreign messages, a
// client with a large id, null where the service stores "", attributes and headers of a newer release.
func recordKit(t *testing.T) (messages, damaged []kitMessage) {
	t.Helper()
	s := startKit(t)
	js := s.administrator(t)
	acme, globex := s.as("acme:right"), s.as("globex:right")
	put := func(m *nats.Msg) { publish(t, js, m) }

	first := acme.createFrom("<name>Süpr &lt;Corp&gt; &amp; \"Söhne\"</name><highrise-id>9223372036854775807</highrise-id><currency>Euro - EUR</currency>"+
		"<details>123 Main St.&#10;New York&#9;\u2028\U0001F600</details>", "Traceparent: 00-"+callersTrace+"-"+callersSpan+"-01")
	other := globex.create("Other Ltd")
	put(message(fmt.Sprintf("clients.acme.%d", first), "no headers at all"))
	acme.update(first, "<name>日本語</name><highrise-id></highrise-id>")
	put(clientEvent("globex", "Updated", other, 1, `"name":"foreign"`)) // the clock does not run behind it
	put(message(fmt.Sprintf("clients.acme.%d", first), "no event: its timestamp does not matter"))
	acme.want(http.StatusOK, "POST", togglePath(acme.create("Behind another clock")), "") // both events
	acme.update(first, "<currency>Yen - JPY</currency><details></details>")
	acme.want(http.StatusOK, "POST", togglePath(first), "")
	erased := globex.create("To be erased")
	gone := acme.create("To be deleted")
	publishEvent(t, js, "invoices.acme.1", "invoices.v1.InvoiceCreated",
		fmt.Sprintf(`{"id":1,"client_id":%d,"kind":"task","period_start":"2011-01-01","period_end":"2011-12-31"}`, first))
	publishEvent(t, js, "invoices.globex.2", "invoices.v1.InvoiceCreated", fmt.Sprintf(`{"id":2,"client_id":%d,"kind":"free_form"}`, other))
	acme.want(http.StatusBadRequest, "DELETE", path(first), "") // returns when the invoices have been read
	acme.want(http.StatusOK, "DELETE", path(gone), "")
	globex.want(http.StatusOK, "DELETE", path(erased), "")

	update := func(version int, attributes string) *nats.Msg {
		return clientEvent("globex", "Updated", other, version, attributes)
	}
	without := func(name string) *nats.Msg {
		m := update(3, `"name":"foreign"`)
		m.Header.Del(name)
		return sealed(m)
	}
	for _, name := range []string{"ce-time", "ce-clientversion", "ce-source", "ce-subject", "content-type"} {
		put(without(name))
	}
	put(altered(update(3, `"name":"foreign"`), "ce-id", "event-1"))
	put(altered(update(3, `"name":"foreign"`), "ce-subject", fmt.Sprint(first)))
	put(altered(update(3, `"name":"foreign"`), "ce-type", "projects.v1.ProjectCreated"))
	put(update(2, `"name":"foreign"`))                                            // its client has that version
	put(clientEvent("acme", "Created", gone, 1, `"name":"foreign"`))              // behind its deletion
	put(message(fmt.Sprintf("clients.acme.0%d", first), "of no client"))          // a leading zero
	put(altered(update(3, `"details":null,"colour":"blue"`), "ce-later", "some")) // null, and what a newer release may add
	const large = 1<<53 + 1
	put(clientEvent("globex", "Created", large, 1, `"name":"A large id","highrise_id":9223372036854775807,"currency":"x","currency_symbol":"","active":true,"details":""`))
	put(clientEvent("globex", "Toggled", large, 2, `"active":false`))
	for _, m := range unusual(60) {
		put(m)
	}
	var sequences []uint64
	for _, e := range events(t, js, fmt.Sprintf("clients.globex.%d", erased)) {
		sequences = append(sequences, e.sequence)
	}
	put(clientEvent("globex", "Erased", erased, 3, `"erased":`+jsonOf(t, sequences)))
	put(clientEvent("globex", "Created", erased, 1, `"name":"foreign"`))
	put(clientEvent("globex", "Erased", other, 3, `"erased":[]`)) // its client has that version
	const unseen = 100
	put(clientEvent("globex", "Erased", unseen, 9, `"erased":[]`)) // nothing else is left of it
	put(clientEvent("acme", "Created", unseen, 1, `"name":"foreign"`))
	put(altered(clientEvent("globex", "Erased", unseen+1, 1, ""), "ce-clientversion", "18446744073709551616")) // 2^64
	put(clientEvent("globex", "Erased", unseen+2, 1, `"erased":[null,18446744073709551615]`))
	acme.createFrom("<name>Zoë \u202e &lt;b&gt;</name><details>line&#10;line&#9;\u2028\U0001F600\"\\</details><currency-symbol></currency-symbol>")
	globex.update(other, "<name>The last</name>")

	at := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	for i, m := range events(t, js, "clients.>") {
		if m.sequence == sequences[0] || m.sequence == sequences[1] {
			continue
		}
		at = at.Add(1300 * time.Millisecond)
		switch i { // a leader with another clock, and after some events the one before
		case 6:
			at = at.Add(-20 * time.Second)
		case 12:
			at = at.Add(20 * time.Second)
		}
		messages = append(messages, kitMessageOf(m, at))
	}
	last := messages[len(messages)-1]
	for i, m := range slices.Concat(damagedEvents(other, 5), damagedData(other, 5), damagedHistories(first, other, gone)) {
		damaged = append(damaged, kitMessageOf(event{m.Subject, m.Header, string(m.Data), last.Sequence + 1 + uint64(i), at}, at))
	}
	require.Len(t, sequences, 2)
	return messages, damaged
}

// unusual returns events of a client that the service does not store like that, and reads, and some that it skips.
func unusual(id int64) []*nats.Msg {
	event := func(kind string, version int, attributes string) *nats.Msg {
		return clientEvent("globex", kind, id, version, attributes)
	}
	foreign := func(name, value string) *nats.Msg {
		return altered(event("Updated", 2, `"name":"foreign"`), name, value)
	}
	upper := event("Updated", 3, `"name":"Of an id in upper case","last_invoice_kind":"of another type"`)
	return []*nats.Msg{
		event("Created", 1, `"name":"The first","NAME":"The last","highrise_id":5,"highrise_id":null,`+
			`"currency":"x","active":true,"details":"unpaired: \ud800, \udc00A and \ud800\ud83d\ude00"`),
		foreign("ce-id", "01a227059385788089f52a857b2f3b7d"),
		foreign("ce-time", "2026-11-29t00:00:00Z"),
		foreign("ce-source", "/Clients"),
		foreign("content-type", "application/json; charset=utf-8"),
		event("Toggled", 2, `"active":false,"name":5,"details":"of another type"`),
		altered(upper, "ce-id", strings.ToUpper(upper.Header.Get("ce-id"))),
		altered(event("InvoiceDefaultsChanged", 4, `"last_invoice_kind":"","default_invoice_timeframe":null,"default_invoice_timeframe":"a,b"`),
			"ce-time", "2024-02-29T7:00:00,5+24:00"),
		event("Updated", 5, `"name":null,"name":"Of two the last","highrise_id":0,"currency_symbol":"y","later":{"name":null}`),
	}
}

// damagedEvents returns events of a client that no reader may skip, with the next version of the client or one that it has.
func damagedEvents(id int64, next int) []*nats.Msg {
	event := func(version int) *nats.Msg { return clientEvent("globex", "Toggled", id, version, `"active":false`) }
	wrongSum, changed, moved, short := event(next), event(next-1), event(next), event(next)
	wrongSum.Header.Set("ce-checksum", "0123456789abcdef")
	changed.Data[len(changed.Data)-1] = ' '
	moved.Subject = fmt.Sprintf("clients.acme.%d", id)
	short.Header.Set("ce-checksum", short.Header.Get("ce-checksum")[1:])
	return []*nats.Msg{
		wrongSum, changed, moved, short,
		altered(event(next), "ce-type", "clients.v1.ClientMerged"),
		altered(event(next-1), "ce-type", "clients.v1.ClientMerged"),
		altered(event(next), "ce-type", "clients.v2.ClientToggled"),
	}
}

// damagedData returns events of a client whose data the service cannot read, with its next version or one that it has.
func damagedData(id int64, next int) (all []*nats.Msg) {
	for _, m := range []struct {
		kind, data string
		version    int
	}{
		{"Toggled", `{"id":999,"active":false}`, next},
		{"Toggled", `{"id":999,"active":false}`, next - 1},
		{"Toggled", `{"active":false}`, next},
		{"Toggled", `{"id":%d,"active":false`, next - 1},
		{"Toggled", `{"id":%d,"active":"false"}`, next},
		{"Toggled", `{"id":%d.0,"active":false}`, next},
		{"Toggled", `[{"id":%d,"active":false}]`, next},
		{"Toggled", `null`, next},
		{"Updated", `{"id":%d,"name":null}`, next},
		{"Updated", `{"id":%d,"currency":null}`, next},
		{"Updated", `{"id":%d,"active":null}`, next - 1},
		{"Updated", `{"id":%d,"details":{}}`, next},
		{"Updated", `{"id":%d,"highrise_id":"12"}`, next},
		{"Updated", `{"id":%d,"highrise_id":12.0}`, next},
		{"Updated", `{"id":%d,"highrise_id":9223372036854775808}`, next},
		{"InvoiceDefaultsChanged", `{"id":%d,"default_invoice_timeframe":null,"last_invoice_kind":1}`, next},
		{"Erased", `{"id":%d,"erased":"all"}`, next},
		{"Toggled", `{"id":%d,"id":999,"active":true}`, next},
		{"Updated", `{"id":%d,"name":"x","NAME":null}`, next},
	} {
		data := strings.Replace(m.data, "%d", fmt.Sprint(id), 1)
		all = append(all, envelope(fmt.Sprintf("clients.globex.%d", id), "clients.v1.Client"+m.kind, id, m.version, data))
	}
	return all
}

// damagedHistories returns events that do not continue their clients: first is one of acme at version 5, other one of globex at
// version 4, gone one that was deleted.
func damagedHistories(first, other, gone int64) []*nats.Msg {
	unknown := altered(clientEvent("acme", "Toggled", gone, 3, `"active":false`), "ce-type", "clients.v1.ClientMerged")
	return []*nats.Msg{
		unknown, // also of a client that was deleted
		clientEvent("globex", "Created", first, 1, `"name":"of another account"`),
		clientEvent("acme", "Created", first, 6, `"name":"once more"`),
		clientEvent("acme", "Updated", 1000, 1, `"name":"never created"`),
		clientEvent("acme", "Created", 1001, 2, `"name":"not the first"`),
		clientEvent("globex", "Toggled", other, 105, `"active":false`),
		altered(clientEvent("acme", "Toggled", first, 7, `"active":false`), "ce-clientversion", "18446744073709551616"), // 2^64
	}
}
