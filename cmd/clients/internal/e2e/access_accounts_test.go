package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// For every request, a client of another account has the same status, headers and body as one that does not exist.
func TestClientsOfOtherAccountsLookMissing(t *testing.T) {
	t.Parallel()
	ann, eve := shared(t), shared(t)
	id, gone := ann.createFrom(whole), ann.create("Gone")
	ann.want(200, "DELETE", path(gone), "")
	tag := ann.want(200, "GET", path(id), "").tag()
	before, stored := ann.get(id), ann.stored()
	const never = 999_999_999
	key := 0
	for _, format := range []string{acceptXML, acceptJSON} {
		for _, c := range []struct{ method, path, body string }{
			{"GET", "/clients/%d", ""}, {"HEAD", "/clients/%d", ""}, {"GET", "/clients/%d/toggle", ""}, {"POST", "/clients/%d", suprCorp},
			{"PUT", "/clients/%d", suprCorp}, {"PUT", "/clients/%d", "<client><active>false</active></client>"}, {"PUT", "/clients/%d", "<client>"},
			{"PUT", "/clients/%d", "<client><name></name></client>"}, {"PUT", "/clients/%d", "<client/>"},
			{"GET", "/clients/%d/history", ""}, {"GET", "/clients/%d?version=1", ""}, {"GET", "/clients/%d?as_of=2999-01-01", ""}, {"GET", "/clients/%d?as_of=2026-01-01", ""},
			{"POST", "/clients/%d/toggle", ""}, {"PUT", "/clients/%d/toggle", ""}, {"DELETE", "/clients/%d", ""},
		} {
			for _, condition := range []string{"X-None: x", "If-Match: " + tag, `If-Match: "1-2-xml"`, "If-Match: *", "If-None-Match: " + tag, "If-None-Match: *", "Idempotency-Key: %d"} {
				var all []string
				for _, requested := range []int64{id, gone, never} {
					key++
					header := condition
					if strings.Contains(header, "%d") {
						header = fmt.Sprintf(header, key)
					}
					r := eve.do(c.method, fillID(c.path, requested), c.body, asXML, format, header)
					r.header.Del("X-Request-Id")
					r.header.Del("Date")
					require.GreaterOrEqual(t, r.status, 400, "%s %s with %s", c.method, c.path, header)
					all = append(all, fmt.Sprint(r.status, r.header, r.body))
				}
				require.Equal(t, all[2], all[0], "%s %s with %s", c.method, c.path, condition)
				require.Equal(t, all[2], all[1], "%s %s with %s", c.method, c.path, condition)
			}
		}
	}
	require.Equal(t, before, ann.get(id))
	require.Equal(t, stored, ann.stored())
	require.Zero(t, eve.stored())
}

func TestAccountsListTheirOwnClients(t *testing.T) {
	t.Parallel()
	ann, eve := shared(t), shared(t)
	empty := eve.want(200, "GET", "/clients", "").tag()
	one, two := ann.create("One"), ann.create("Two")
	require.Equal(t, empty, eve.want(200, "GET", "/clients", "").tag(), "the tag does not depend on other accounts")
	eve.want(304, "GET", "/clients", "", "If-None-Match: "+empty)
	three := eve.create("Three")
	for _, query := range []string{"", "?updated_since=2010-09-25"} {
		require.Equal(t, []string{"One", "Two"}, names(ann.list(query)))
		require.Equal(t, []string{"Three"}, names(eve.list(query)))
	}
	require.Less(t, one, two)
	require.Less(t, two, three, "ids are of all accounts")
	ann.want(404, "GET", path(three), "")
	eve.want(200, "DELETE", path(three), "")
	require.Len(t, ann.list(""), 2)
}

func TestKeysBelongToTheirAccount(t *testing.T) {
	t.Parallel()
	ann, eve := shared(t), shared(t)
	one := ann.want(201, "POST", "/clients", suprCorp, asXML, key).id(t)
	eve.want(404, "DELETE", path(one), "", key)
	two := eve.want(201, "POST", "/clients", "<client><name>Another body</name></client>", asXML, key).id(t)
	require.NotEqual(t, one, two)
	require.Equal(t, one, ann.want(201, "POST", "/clients", suprCorp, asXML, key).id(t))
	ann.want(422, "POST", "/clients", "<client><name>Another body</name></client>", asXML, key)
}

// Projects belong to an account: those of another account do not prevent a deletion.
func TestProjectsKeepClientsOfTheirAccountOnly(t *testing.T) {
	t.Parallel()
	ann, eve := shared(t), shared(t)
	one, two := ann.create("One"), eve.create("Two")
	eve.project("ProjectCreated", 7, fmt.Sprintf(`"client_id":%d`, one))
	eve.project("ProjectCreated", 8, fmt.Sprintf(`"client_id":%d`, two))
	ann.want(200, "POST", togglePath(one), "")
	ann.want(200, "DELETE", path(one), "")
	eve.want(400, "DELETE", path(two), "")
}
