package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// writes are all requests that change something, each with another body. The id is filled in.
var writes = []struct{ method, path, body, other string }{
	{"POST", "/clients", suprCorp, "<client><name>Other</name></client>"},
	{"PUT", "/clients/%d", "<client><details>one</details></client>", "<client><details>two</details></client>"},
	{"POST", "/clients/%d/toggle", "", ""},
	{"DELETE", "/clients/%d", "", ""},
}

func fillID(p string, id int64) string {
	if strings.Contains(p, "%d") {
		return fmt.Sprintf(p, id)
	}
	return p
}

// requireSameResponse requires that a response is the one that the first request under its key received.
func requireSameResponse(t *testing.T, first, again response) {
	t.Helper()
	require.Less(t, first.status, 300, first.body)
	require.Equal(t, first.status, again.status, again.body)
	require.Empty(t, again.body)
	require.Equal(t, first.header.Get("Location"), again.header.Get("Location"))
	require.Equal(t, first.tag(), again.tag())
}

func TestARepeatedKeyReturnsTheFirstResponse(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp")
	for i, w := range writes {
		key := fmt.Sprintf("Idempotency-Key: key %d", i)
		first := a.do(w.method, fillID(w.path, id), w.body, asXML, key)
		stored := a.stored()
		for range 3 {
			requireSameResponse(t, first, a.do(w.method, fillID(w.path, id), w.body, asXML, key))
		}
		require.Equal(t, stored, a.stored(), "%s %s", w.method, w.path)
	}
}

func TestARepeatedKeyReturnsTheFirstResponseBehindLaterChanges(t *testing.T) {
	t.Parallel()
	a := shared(t)
	first := a.want(201, "POST", "/clients", suprCorp, asXML, key)
	id := first.id(t)
	put := a.update(id, "<details>one</details>", "Idempotency-Key: put")
	a.update(id, "<details>two</details>")
	requireSameResponse(t, put, a.update(id, "<details>one</details>", "Idempotency-Key: put"))
	require.Equal(t, "two", a.get(id).Details, "it is not carried out again")
	a.want(200, "DELETE", path(id), "")
	requireSameResponse(t, first, a.want(201, "POST", "/clients", suprCorp, asXML, key))
	require.Empty(t, a.list(""))
}

// A command that was refused or changed nothing releases its key for any other request.
func TestARefusalReleasesTheKey(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp")
	stale := "If-Match: " + a.want(200, "GET", path(id), "").tag()
	a.update(id, "<details>moved on</details>")
	missing := id + 1_000_000
	for i, c := range []struct {
		status       int
		method, path string
		body         string
		header       string
	}{
		{400, "POST", "/clients", "<client><name> </name></client>", asXML},
		{400, "POST", "/clients", "<client>", asXML},
		{400, "PUT", path(id), "<client><name/></client>", asXML},
		{404, "PUT", path(missing), suprCorp, asXML},
		{404, "DELETE", path(missing), "", asXML},
		{412, "POST", togglePath(id), "", stale},
		{415, "POST", "/clients", "x", "Content-Type: text/plain"},
		{200, "PUT", path(id), suprCorp, asXML}, // changes nothing
	} {
		key := fmt.Sprintf("Idempotency-Key: key %d", i)
		stored := a.stored()
		a.want(c.status, c.method, c.path, c.body, c.header, key)
		a.want(c.status, c.method, c.path, c.body, c.header, key)
		require.Equal(t, stored, a.stored())
		a.want(201, "POST", "/clients", suprCorp, asXML, key)
		require.Equal(t, stored+1, a.stored())
	}
	a.want(200, "PUT", path(id), suprCorp, asXML, "Idempotency-Key: again") // changes nothing
	a.update(id, "<name>Other</name>")
	a.want(200, "PUT", path(id), suprCorp, asXML, "Idempotency-Key: again")
	require.Equal(t, "SuprCorp", a.get(id).Name, "it is decided again")
}

func TestKeysDifferByEveryCharacter(t *testing.T) {
	t.Parallel()
	a := shared(t)
	seen := map[string]bool{}
	for _, key := range []string{"a", "A", "a.b", "a/b", "a b", "a*", "a>", "ключ", strings.Repeat("k", 255), strings.Repeat("я", 255)} {
		location := a.want(201, "POST", "/clients", suprCorp, asXML, "Idempotency-Key: "+key).header.Get("Location")
		require.False(t, seen[location], key)
		seen[location] = true
	}
}

func TestConcurrentRequestsUnderOneKeyLeadToOneEvent(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp")
	for i, w := range writes {
		stored := a.stored()
		responses := a.together(12, func(int) (response, error) {
			return a.send(w.method, fillID(w.path, id), w.body, asXML, fmt.Sprintf("Idempotency-Key: twin %d", i))
		})
		for _, r := range responses {
			requireSameResponse(t, responses[0], r)
		}
		require.Equal(t, stored+1, a.stored(), "%s %s", w.method, w.path)
	}
}

// A service that ends between storing an event and completing its record leaves a record without a response. The next
// request with the key finds the event in the stream.
func TestAnUnfinishedKeyIsCompletedFromTheStream(t *testing.T) {
	t.Parallel()
	a := shared(t)
	var targets []int64 // one for each of the writes
	for range writes {
		targets = append(targets, a.create("SuprCorp"))
	}
	send := func() []response { // at once: each waits a moment for the request that might still be under way
		return a.together(len(writes), func(i int) (response, error) {
			return a.send(writes[i].method, fillID(writes[i].path, targets[i]), writes[i].body, asXML, fmt.Sprintf("Idempotency-Key: key %d", i))
		})
	}
	first := send()
	stored := a.stored()
	require.Equal(t, len(writes), forgetResponses(t, a.js, a.account, nil))
	for i, again := range send() {
		requireSameResponse(t, first[i], again)
	}
	require.Equal(t, stored, a.stored())
}
