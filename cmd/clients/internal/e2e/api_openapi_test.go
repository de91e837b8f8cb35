package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// documented sends requests and requires that each response matches the document.
type documented struct {
	*client
	contract *contract
	seen     map[string]bool // "GET /clients 200"
}

// general are the headers of every response, which OpenAPI leaves out or has elsewhere.
var general = []string{"Content-Type", "Content-Length", "Date", "Connection"}

// holds makes a request to a path of a template, and requires that it and the response are as the document describes them.
func (d *documented) holds(status int, method, template, path, body string, headers ...string) response {
	d.t.Helper()
	got := d.want(status, method, path, body, headers...)
	operation := fmt.Sprintf("%s %s %d", method, template, status)
	d.seen[operation] = true
	if body != "" && slices.Contains(headers, asJSON) {
		d.validBody(status, method, template, body, operation)
	}
	description, pointer := d.contract.at("paths", template, strings.ToLower(method), "responses", strconv.Itoa(status))
	known, _ := description["headers"].(map[string]any)
	for name := range known {
		header, at := d.contract.at(append(steps(pointer), "headers", name)...)
		value := got.header.Values(name)
		if name == "WWW-Authenticate" || name == "Hint" {
			value = got.header[http.CanonicalHeaderKey(name)]
		}
		if len(value) == 0 {
			require.NotEqual(d.t, true, header["required"], "%s: there is no %s", operation, name)
			continue
		}
		var typed any = value[0]
		if n, err := strconv.Atoi(value[0]); err == nil && (name == "Retry-After" || name == "Stream-Sequence") {
			typed = n
		}
		d.contract.valid(at+"/schema", typed, operation+": "+name)
	}
	for name := range got.header {
		require.True(d.t, slices.Contains(general, name) || slices.ContainsFunc(sortedKeys(known), func(k string) bool { return http.CanonicalHeaderKey(k) == name }),
			"%s: %s is not in the document", operation, name)
	}
	if description["content"] == nil {
		require.Empty(d.t, got.body, operation)
		return got
	}
	kind, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	_, at := d.contract.at(append(steps(pointer), "content", kind)...)
	switch kind {
	case "application/json":
		d.contract.validJSON(at+"/schema", got.body, operation)
	case "application/link-format": // TestMementos reads it
	default:
		d.contract.validXML(at+"/schema", got.body, operation)
	}
	return got
}

// validBody requires that a JSON body is valid by the document if the service reads it, and is not if it is the reason for
// a 400.
func (d *documented) validBody(status int, method, template, body, operation string) {
	d.t.Helper()
	_, at := d.contract.at("paths", template, strings.ToLower(method), "requestBody", "content", "application/json")
	switch err := d.contract.validate(at+"/schema", parseJSON(d.t, body)); status {
	case 200, 201, 404, 412, 422:
		require.NoError(d.t, err, "%s: %s", operation, body)
	case 400:
		require.Error(d.t, err, "%s: %s", operation, body)
	}
}

const (
	everyClient = "/clients"
	anyClient   = "/clients/{id}"
	itsHistory  = "/clients/{id}/history"
	theFeed     = "/clients/feed"
	itsState    = "/clients/{id}/toggle"
	theUser     = "/account/who_am_i"
	itsLimit    = "/account/rate_limit_status"
)

// Each operation and status of the document occurs, and the response matches its description. There is no other operation.
func TestOpenAPIIsWhatTheServiceDoes(t *testing.T) {
	t.Parallel()
	a := start(t)
	d := &documented{client: a.client, contract: readContract(t, a.operations("/openapi.yaml")), seen: make(map[string]bool)}
	operations := map[string][]string{}
	for template, path := range map[string]string{everyClient: "/clients", anyClient: "/clients/1", itsHistory: "/clients/1/history", theFeed: theFeed, itsState: "/clients/1/toggle", theUser: theUser, itsLimit: itsLimit} {
		node, _ := d.contract.at("paths", template)
		for method := range node {
			if method != "parameters" {
				operations[template] = append(operations[template], strings.ToUpper(method))
			}
		}
		slices.Sort(operations[template])
		allowed := strings.Split(a.want(405, "PATCH", path, "").header.Get("Allow"), ", ")
		require.Equal(t, operations[template], slices.DeleteFunc(allowed, func(m string) bool { return m == "HEAD" }), template)
	}
	paths, _ := d.contract.at("paths")
	require.Len(t, paths, len(operations))

	d.successes()
	d.feed()
	d.refusals(a)
	d.refusedCallers(t)
	d.otherSites()
	d.damaged(t)
	for template, methods := range operations {
		for _, method := range methods {
			responses, _ := d.contract.at("paths", template, strings.ToLower(method), "responses")
			for status := range responses {
				require.True(t, d.seen[method+" "+template+" "+status], "%s %s never returns %s", method, template, status)
			}
		}
	}
}

func (d *documented) successes() {
	for _, accept := range []string{acceptJSON, acceptXML} {
		d.holds(200, "GET", theUser, theUser, "", accept)
		d.holds(200, "GET", itsLimit, itsLimit, "", accept)
		made := d.holds(201, "POST", everyClient, "/clients", `{"client":{"name":"SuprCorp","highrise_id":4}}`, asJSON, accept)
		one := made.header.Get("Location")
		got := d.holds(200, "GET", anyClient, one, "", accept)
		d.holds(304, "GET", anyClient, one, "", accept, "If-None-Match: "+got.tag())
		d.holds(200, "GET", anyClient, one+"?version=1", "", accept)
		d.holds(200, "GET", anyClient, one, "", accept, "Accept-Datetime: Sat, 25 Sep 2010 18:30:00 GMT")
		d.holds(304, "GET", anyClient, one+"?version=1", "", accept, "If-None-Match: "+got.tag())
		d.holds(200, "GET", itsHistory, one+"/history", "", accept)
		list := d.holds(200, "GET", everyClient, "/clients", "", accept)
		d.holds(200, "GET", everyClient, "/clients?updated_since=2010-09-25+18%3A30", "", accept)
		d.holds(304, "GET", everyClient, "/clients", "", accept, "If-None-Match: "+list.tag())
		for _, body := range []string{
			`{"client":{"details":"x","highrise_id":null}}`, `{"client":{"highrise_id":"7","currency_symbol":null}}`, `{"client":{"active":true,"details":null}}`,
			d.want(200, "GET", one, "", acceptJSON).body, // a whole client
		} {
			d.holds(200, "PUT", anyClient, one, body, asJSON, accept)
		}
		d.holds(200, "POST", itsState, one+"/toggle", "", accept)
		d.holds(200, "PUT", itsState, one+"/toggle", "", accept)
		page := d.holds(200, "GET", itsHistory, one+"/history?limit=1", "", accept)
		d.holds(304, "GET", itsHistory, one+"/history?limit=1", "", accept, "If-None-Match: "+page.tag())
		d.holds(200, "GET", itsHistory, one+"/history", "", "Accept: application/link-format")
		d.holds(200, "DELETE", anyClient, one, "", accept)
		d.holds(200, "GET", itsHistory, one+"/history", "", accept)
	}
}

// feed opens a feed, whose body has no end.
func (d *documented) feed() {
	f := d.openFeed("")
	defer f.close()
	description, _ := d.contract.at("paths", theFeed, "get", "responses", "200")
	known, _ := description["headers"].(map[string]any)
	for name := range f.response.Header {
		require.True(d.t, known[name] != nil || slices.Contains(general, name), name)
	}
	require.Equal(d.t, []string{f.response.Header.Get("Content-Type")}, sortedKeys(description["content"].(map[string]any)))
	d.seen["GET "+theFeed+" 200"] = true
}

func (d *documented) refusals(a *service) {
	needed := a.create("Needed")
	project(d.t, a.partner(d.t), "ProjectCreated", 1, fmt.Sprintf(`"client_id":%d`, needed))
	one := path(needed)
	large := `{"client":{"details":"` + strings.Repeat("x", 1<<20) + `"}}`
	for _, accept := range []string{acceptJSON, acceptXML} {
		d.holds(400, "GET", everyClient, "/clients?updated_since=never", "", accept)
		for template, method := range map[string]string{everyClient: "POST", anyClient: "PUT"} {
			at := strings.Replace(template, "{id}", strconv.FormatInt(needed, 10), 1)
			for _, body := range []string{`{"client":{"name":""}}`, `{"client":{"name":null}}`, `{"client":{"active":"yes"}}`, `{"client":{"highrise_id":-1}}`, `{"client":[]}`, `[]`} {
				d.holds(400, method, template, at, body, asJSON, accept)
			}
			d.holds(413, method, template, at, large, asJSON, accept)
			d.holds(415, method, template, at, "x", "Content-Type: text/csv", accept)
		}
		d.holds(404, "GET", anyClient, "/clients/999", "", accept)
		d.holds(400, "GET", anyClient, one+"?version=0", "", accept)
		d.holds(400, "GET", itsHistory, one+"/history?limit=0", "", accept)
		d.holds(404, "GET", itsHistory, "/clients/999/history", "", accept)
		d.holds(400, "GET", theFeed, "/clients/feed?after=x", "", accept)
		d.holds(410, "GET", theFeed, "/clients/feed?after=1-other", "", accept)
		d.holds(404, "PUT", anyClient, "/clients/999", `{"client":{"name":"x"}}`, asJSON, accept)
		d.holds(412, "PUT", anyClient, one, `{"client":{"name":"x"}}`, asJSON, accept, `If-Match: "other"`)
		d.holds(400, "DELETE", anyClient, one, "", accept)
		d.holds(404, "DELETE", anyClient, "/clients/999", "", accept)
		d.holds(412, "DELETE", anyClient, one, "", accept, `If-Match: "other"`)
		for _, method := range []string{"POST", "PUT"} {
			d.holds(400, method, itsState, one+"/toggle", "", accept)
			d.holds(404, method, itsState, "/clients/999/toggle", "", accept)
			d.holds(412, method, itsState, one+"/toggle", "", accept, `If-Match: "other"`)
		}
		key := "Idempotency-Key: the first has it " + accept
		d.want(201, "POST", "/clients", `{"client":{"name":"First"}}`, asJSON, key)
		d.holds(422, "POST", everyClient, "/clients", `{"client":{"name":"x"}}`, asJSON, accept, key)
		d.holds(422, "PUT", anyClient, one, `{"client":{"name":"x"}}`, asJSON, accept, key)
		d.holds(422, "DELETE", anyClient, one, "", accept, key)
		d.holds(422, "POST", itsState, one+"/toggle", "", accept, key)
		d.holds(422, "PUT", itsState, one+"/toggle", "", accept, key)
	}
}

// refusedCallers sends the requests of callers that do not log in, and of those that have sent too many or guess passwords.
func (d *documented) refusedCallers(t *testing.T) {
	p := start(t, "CLIENTS_CREDENTIALS_DIR="+credentials(t, 4, "ann:one"), "CLIENTS_RATE_LIMIT=1")
	p.as("ann:one").want(200, "GET", "/clients", "")
	for status, login := range map[int]string{401: "", 503: "ann:one"} {
		caller := &documented{client: p.as(login), contract: d.contract, seen: d.seen}
		for _, accept := range []string{acceptJSON, acceptXML} {
			caller.holds(status, "GET", theUser, theUser, "", accept)
			caller.holds(map[int]int{401: 401, 503: 200}[status], "GET", itsLimit, itsLimit, "", accept)
			caller.holds(status, "GET", everyClient, "/clients", "", accept)
			caller.holds(status, "POST", everyClient, "/clients", "{}", asJSON, accept)
			caller.holds(status, "GET", anyClient, "/clients/1", "", accept)
			caller.holds(status, "GET", itsHistory, "/clients/1/history", "", accept)
			caller.holds(status, "GET", theFeed, theFeed, "", accept)
			caller.holds(status, "PUT", anyClient, "/clients/1", "{}", asJSON, accept)
			caller.holds(status, "DELETE", anyClient, "/clients/1", "", accept)
			caller.holds(status, "POST", itsState, "/clients/1/toggle", "", accept)
			caller.holds(status, "PUT", itsState, "/clients/1/toggle", "", accept)
		}
	}
	for guess := range 10 {
		p.as("ann:"+strconv.Itoa(guess)).want(401, "GET", itsLimit, "")
	}
	guesser := &documented{client: p.as("ann:two"), contract: d.contract, seen: d.seen}
	for _, accept := range []string{acceptJSON, acceptXML} {
		guesser.holds(503, "GET", itsLimit, itsLimit, "", accept)
	}
}

// damaged reads the client of an event that was altered on disk.
func (d *documented) damaged(t *testing.T) {
	s := start(t)
	createThree(t, s)
	require.Zero(t, s.stop(t))
	for _, block := range blocks(t, filepath.Join(s.dataDir, "nats")) {
		alterEvent(t, block, 2, func(e *storedEvent) { e.replace("Second Ltd", "Zecond Ltd") })
	}
	s = s.restart(t)
	caller := &documented{client: s.client, contract: d.contract, seen: d.seen}
	for _, accept := range []string{acceptJSON, acceptXML} {
		caller.holds(200, "GET", anyClient, "/clients/2", "", accept)
		caller.holds(500, "GET", anyClient, "/clients/2?version=1", "", accept)
		caller.holds(500, "GET", anyClient, "/clients/2?as_of=2010-09-25", "", accept)
		caller.holds(500, "GET", anyClient, "/clients/2", "", accept, "Accept-Datetime: Sat, 25 Sep 2010 18:30:00 GMT")
		caller.holds(500, "GET", itsHistory, "/clients/2/history", "", accept)
	}
}

// otherSites are the requests of web pages from elsewhere.
func (d *documented) otherSites() {
	for _, accept := range []string{acceptJSON, acceptXML} {
		for template, methods := range map[string][]string{everyClient: {"GET", "POST"}, anyClient: {"GET", "PUT", "DELETE"}, itsHistory: {"GET"}, theFeed: {"GET"}, itsState: {"POST", "PUT"},
			theUser: {"GET"}, itsLimit: {"GET"}} {
			for _, method := range methods {
				path := strings.Replace(template, "{id}", "1", 1)
				d.holds(421, method, template, path, "", accept, "Host: other.example")
				if method != "GET" || template == theFeed {
					d.holds(403, method, template, path, "", accept, "Origin: https://other.example")
				}
			}
		}
	}
}
