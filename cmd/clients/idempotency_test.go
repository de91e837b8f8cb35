package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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

func TestIdempotencyKeyGetsTheFirstAnswerAgain(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for i, w := range writes {
		key := fmt.Sprintf("Idempotency-Key: key %d", i)
		first := a.do(w.method, fill(w.path, id), w.body, asXML, key)
		require.Less(t, first.status, 300, first.body)
		last := a.tap().lastSequence()
		for range 3 {
			again := a.want(first.status, w.method, fill(w.path, id), w.body, asXML, key)
			require.Empty(t, again.body)
			require.Equal(t, first.header.Get("Location"), again.header.Get("Location"))
			require.Equal(t, first.tag(), again.tag())
		}
		require.Equal(t, last, a.tap().lastSequence(), "%s %s appends nothing", w.method, w.path)
	}
}

func TestIdempotencyKeyGetsTheFirstAnswerWhateverHasHappenedSince(t *testing.T) {
	t.Parallel()
	a := launch(t)
	const key = "Idempotency-Key: 7b0f"
	first := a.want(201, "POST", "/clients", newClient, asXML, key)
	put := a.update(first.id(t), "<details>one</details>", "Idempotency-Key: put")
	a.update(first.id(t), "<details>two</details>")
	require.Equal(t, put.tag(), a.update(first.id(t), "<details>one</details>", "Idempotency-Key: put").tag())
	require.Equal(t, "two", a.get(first.id(t)).Details, "it is not carried out again")
	a.want(200, "DELETE", path(first.id(t)), "")
	again := a.want(201, "POST", "/clients", newClient, asXML, key)
	require.Equal(t, first.header.Get("Location"), again.header.Get("Location"))
	require.Empty(t, a.list(""))
}

func TestIdempotencyKeyWithAnotherRequestIsRefused(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id, other := a.named("SuprCorp"), a.named("Other")
	const key = "Idempotency-Key: 7b0f"
	a.want(201, "POST", "/clients", newClient, asXML, key)
	last := a.tap().lastSequence()
	for _, got := range []answer{
		a.want(422, "POST", "/clients", "<client><name>Other</name></client>", asXML, key),
		a.want(422, "POST", "/clients.json", `{"client":{"name":"SuprCorp"}}`, asJSON, key),
		a.want(422, "PUT", path(id), newClient, asXML, key),
		a.want(422, "POST", togglePath(other), "", key),
		a.want(422, "DELETE", path(other), "", key),
	} {
		require.NotEmpty(t, got.message(t))
		require.NotContains(t, got.header, "Hint")
	}
	require.Equal(t, last, a.tap().lastSequence())
}

// A command that was refused or changed nothing leaves no trace: its key is free for whatever comes next.
func TestIdempotencyKeyOfARefusalLeavesNoTrace(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	stale := a.want(200, "GET", path(id), "").tag()
	a.update(id, "<details>moved on</details>")
	for i, refused := range []func(key string){
		func(key string) { a.want(400, "POST", "/clients", "<client><name> </name></client>", asXML, key) },
		func(key string) { a.want(400, "POST", "/clients", "<client>", asXML, key) },
		func(key string) { a.want(400, "PUT", path(id), "<client><name/></client>", asXML, key) },
		func(key string) { a.want(404, "PUT", path(id+1000), newClient, asXML, key) },
		func(key string) { a.want(404, "DELETE", path(id+1000), "", key) },
		func(key string) { a.want(412, "POST", togglePath(id), "", key, "If-Match: "+stale) },
		func(key string) { a.want(415, "POST", "/clients", "x", "Content-Type: text/plain", key) },
		func(key string) { a.want(200, "PUT", path(id), newClient, asXML, key) }, // changes nothing
	} {
		key := fmt.Sprintf("Idempotency-Key: key %d", i)
		last := a.tap().lastSequence()
		refused(key)
		refused(key) // decided anew, to the same end
		require.Equal(t, last, a.tap().lastSequence())
		a.want(201, "POST", "/clients", newClient, asXML, key)
		require.Equal(t, last+1, a.tap().lastSequence())
	}
}

// The same request is decided anew once what stood in its way is gone.
func TestIdempotencyKeyOfARefusalIsDecidedAnew(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	const key = "Idempotency-Key: 7b0f"
	a.want(200, "PUT", path(id), newClient, asXML, key) // changes nothing
	a.update(id, "<name>Other</name>")
	a.want(200, "PUT", path(id), newClient, asXML, key)
	require.Equal(t, "SuprCorp", a.get(id).Name)
}

func TestIdempotencyKeysDifferByEveryCharacter(t *testing.T) {
	t.Parallel()
	a := launch(t)
	seen := map[string]bool{}
	for _, key := range []string{"a", "A", "a.b", "a/b", "a b", "a*", "a>", "ключ", strings.Repeat("k", 255)} {
		location := a.want(201, "POST", "/clients", newClient, asXML, "Idempotency-Key: "+key).header.Get("Location")
		require.False(t, seen[location], key)
		seen[location] = true
	}
}
