package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// twoAccounts starts a service with a user in each of two accounts.
func twoAccounts(t *testing.T) (a *app, ann, eve *caller) {
	t.Helper()
	a = launchGuarded(t, newSecret(t, files{"shop.htpasswd": user(t, "ann:one"), "other.htpasswd": user(t, "eve:two")}))
	return a, a.as("ann:one"), a.as("eve:two")
}

// What another account holds is answered as what nobody holds: the same status, headers and body for every call.
func TestAnotherAccountsClientIsAsOneThatIsNotThere(t *testing.T) {
	t.Parallel()
	a, ann, eve := twoAccounts(t)
	id := ann.create(whole)
	gone := ann.named("Gone")
	ann.want(200, "DELETE", path(gone), "")
	tag := ann.want(200, "GET", path(id), "").tag()
	before, last := ann.get(id), a.tap().lastSequence()
	const nobodys = 999999
	key := 0
	for _, format := range []string{acceptXML, acceptJSON} {
		for _, call := range []struct{ method, path, body string }{
			{"GET", "/clients/%d", ""}, {"HEAD", "/clients/%d", ""}, {"GET", "/clients/%d/toggle", ""}, {"POST", "/clients/%d", newClient},
			{"PUT", "/clients/%d", newClient}, {"PUT", "/clients/%d", "<client><active>false</active></client>"}, {"PUT", "/clients/%d", "<client>"},
			{"PUT", "/clients/%d", "<client><name></name></client>"}, {"PUT", "/clients/%d", "<client/>"},
			{"POST", "/clients/%d/toggle", ""}, {"PUT", "/clients/%d/toggle", ""}, {"DELETE", "/clients/%d", ""},
		} {
			for _, condition := range []string{"X-None: x", "If-Match: " + tag, `If-Match: "1-2-xml"`, "If-Match: *", "If-None-Match: " + tag, "If-None-Match: *", "Idempotency-Key: %d"} {
				var all []string
				for _, asked := range []int64{id, gone, nobodys} {
					key++
					header := condition
					if strings.Contains(header, "%d") {
						header = fmt.Sprintf(header, key)
					}
					got := eve.do(call.method, fill(call.path, asked), call.body, asXML, format, header)
					got.header.Del("X-Request-Id")
					got.header.Del("Date")
					require.GreaterOrEqual(t, got.status, 400, "%s %s with %s", call.method, call.path, header)
					all = append(all, fmt.Sprint(got.status, got.header, got.body))
				}
				require.Equal(t, all[2], all[0], "%s %s with %s", call.method, call.path, condition)
				require.Equal(t, all[2], all[1], "%s %s with %s", call.method, call.path, condition)
			}
		}
	}
	require.Equal(t, before, ann.get(id))
	require.Equal(t, last, a.tap().lastSequence(), "nothing was stored")
}

func TestAccountsListTheirOwnClients(t *testing.T) {
	t.Parallel()
	_, ann, eve := twoAccounts(t)
	empty := eve.want(200, "GET", "/clients", "").tag()
	one, two := ann.named("One"), ann.named("Two")
	require.Equal(t, empty, eve.want(200, "GET", "/clients", "").tag(), "what others do changes nothing")
	eve.want(304, "GET", "/clients", "", "If-None-Match: "+empty)
	three := eve.named("Three")
	require.Equal(t, []string{"One", "Two"}, names(ann.list("")))
	require.Equal(t, []string{"Three"}, names(eve.list("")))
	require.Equal(t, []string{"One", "Two"}, names(ann.list("?updated_since=2010-09-25")))
	require.Equal(t, []string{"Three"}, names(eve.list("?updated_since=2010-09-25")))
	require.Less(t, one, two)
	require.Less(t, two, three, "ids are of all accounts")
	ann.want(404, "GET", path(three), "")
	eve.want(200, "DELETE", path(three), "")
	require.Len(t, ann.list(""), 2)
}

func TestIdempotencyKeysBelongToTheirAccount(t *testing.T) {
	t.Parallel()
	_, ann, eve := twoAccounts(t)
	const key = "Idempotency-Key: the same"
	one := ann.want(201, "POST", "/clients", newClient, asXML, key).id(t)
	eve.want(404, "DELETE", path(one), "", key)
	two := eve.want(201, "POST", "/clients", "<client><name>Another body</name></client>", asXML, key).id(t)
	require.NotEqual(t, one, two)
	require.Equal(t, one, ann.want(201, "POST", "/clients", newClient, asXML, key).id(t))
	ann.want(422, "POST", "/clients", "<client><name>Another body</name></client>", asXML, key)
}

// Projects and invoices name the account that they are of: those of another account stand in nobody's way.
func TestOtherServicesSpeakOfOneAccount(t *testing.T) {
	t.Parallel()
	a, ann, eve := twoAccounts(t)
	one, two := ann.named("One"), eve.named("Two")
	foreign := project("Created", 7, fmt.Sprintf(`"client_id":%d`, one))
	foreign.subject = "projects.other.7"
	own := project("Created", 7, fmt.Sprintf(`"client_id":%d`, two))
	own.subject = "projects.other.7"
	a.tap().say(foreign, own)
	ann.want(200, "POST", togglePath(one), "")
	ann.want(200, "DELETE", path(one), "")
	eve.want(400, "DELETE", path(two), "")
}
