package e2e_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Tags, responses under idempotency keys, and changes by invoices are still valid after a restart.
func TestResponsesStayValidAfterARestart(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create("SuprCorp")
	invoice(t, s.partner(t), "InvoiceCreated", 1, fmt.Sprintf(`"client_id":%d,"kind":"task"`, id))
	s.want(400, "DELETE", path(id), "")
	one, all, before := s.want(200, "GET", path(id), "").tag(), s.want(200, "GET", "/clients", "").tag(), s.get(id)
	require.Equal(t, "task", orEmpty(before.LastInvoiceKind))
	require.Zero(t, s.stop(t))
	s = s.restart(t)
	require.Equal(t, before, s.get(id))
	s.want(304, "GET", path(id), "", "If-None-Match: "+one)
	s.want(304, "GET", "/clients", "", "If-None-Match: "+all)

	target := s.create("Keyed")
	var first []response
	for i, w := range writes {
		first = append(first, s.do(w.method, fillID(w.path, target), w.body, asXML, fmt.Sprintf("Idempotency-Key: key %d", i)))
	}
	stored := len(events(t, s.partner(t), "clients.>"))
	require.Zero(t, s.stop(t))
	s = s.restart(t)
	for i, w := range writes {
		key := fmt.Sprintf("Idempotency-Key: key %d", i)
		requireSameResponse(t, first[i], s.do(w.method, fillID(w.path, target), w.body, asXML, key))
		if w.other != w.body {
			s.want(422, w.method, fillID(w.path, target), w.other, asXML, key)
		}
	}
	require.Len(t, events(t, s.partner(t), "clients.>"), stored)
}
