package e2e_test

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

const htmlType = "text/html; charset=utf-8"

// page returns the readable text of a page of the console.
func (c *client) page(status int, path string) string {
	c.t.Helper()
	r := c.want(status, http.MethodGet, path, "")
	require.Equal(c.t, htmlType, r.header.Get("Content-Type"), path)
	return readable(r.body)
}

// readable removes tags and joins white space.
func readable(page string) string {
	text := regexp.MustCompile(`(?s)<(title|select).*?</(title|select)>|<[^>]*>`).ReplaceAllString(page, " ")
	return strings.Join(strings.Fields(html.UnescapeString(text)), " ")
}

// rows returns the names on a page of the list.
func (c *client) rows(query string) (names []string) {
	c.t.Helper()
	body := c.want(http.StatusOK, http.MethodGet, "/console/"+query, "").body
	for _, row := range regexp.MustCompile(`<td><a href="/console/clients/\d+" dir="auto">(.*?)</a>`).FindAllStringSubmatch(body, -1) {
		names = append(names, html.UnescapeString(row[1]))
	}
	return names
}

func TestTheConsoleListsClients(t *testing.T) {
	t.Parallel()
	a, other := shared(t), shared(t)
	other.create("Theirs")
	require.Contains(t, a.page(200, "/console/"), "There are no clients yet.")
	supr := a.createFrom("<name>SuprCorp</name><highrise-id>4711</highrise-id><details>Main St.\nSpringfield</details>")
	script := a.create(`<script>alert("x")</script>`)
	a.createFrom("<name>ÄPFEL &amp; Söhne</name><active>false</active>")
	for query, want := range map[string][]string{
		"":                                {`<script>alert("x")</script>`, "SuprCorp", "ÄPFEL & Söhne"},
		"?q=supr":                         {"SuprCorp"},
		"?q=SPRINGFIELD+main":             {"SuprCorp"},
		"?q=4711":                         {"SuprCorp"},
		fmt.Sprint("?q=", script):         {`<script>alert("x")</script>`},
		"?q=%C3%A4pfel":                   {"ÄPFEL & Söhne"},
		"?q=theirs":                       nil,
		"?active=no":                      {"ÄPFEL & Söhne"},
		"?active=yes&q=s":                 {`<script>alert("x")</script>`, "SuprCorp"},
		"?active=no&q=supr":               nil,
		"?page=7":                         {`<script>alert("x")</script>`, "SuprCorp", "ÄPFEL & Söhne"},
		"?q=supr&page=7":                  {"SuprCorp"},
		"?page=-1&active=x":               {`<script>alert("x")</script>`, "SuprCorp", "ÄPFEL & Söhne"},
		"?q=" + strings.Repeat("ä", 2000): nil,
	} {
		require.Equal(t, want, a.rows(query), query)
	}
	require.NotContains(t, a.want(200, "GET", "/console/?q=a%FF", "").body, "\xff")
	require.NotContains(t, a.want(200, "GET", "/console/?q=%3Cscript%3E%22", "").body, "<script>")
	a.want(400, "GET", "/console/?%", "")
	require.Contains(t, a.page(200, "/console/?q=999999999"), "If there was a client 999999999, its history shows when it was deleted.")
	require.NotContains(t, a.page(200, fmt.Sprint("/console/?q=", supr)), "If there was")

	for i := range 120 {
		a.create(fmt.Sprintf("Many %03d", i))
	}
	first := a.want(200, "GET", "/console/?q=many", "").body
	require.Contains(t, readable(first), "1–50 of 120 that match, of 123 in all")
	require.Contains(t, first, `rel="next" href="/console/?page=2&amp;q=many"`)
	require.NotContains(t, first, `rel="prev"`)
	require.Equal(t, "Many 050", a.rows("?q=many&page=2")[0])
	last := a.want(200, "GET", "/console/?q=many&page=3", "").body
	require.Contains(t, readable(last), "101–120 of 120")
	require.NotContains(t, last, `rel="next"`)
	require.Contains(t, a.page(200, "/console/?page=3"), "101–123 of 123")
}

func TestTheConsoleShowsAClient(t *testing.T) {
	t.Parallel()
	a, other := shared(t), shared(t)
	id := a.create("SuprCorp")
	at := "/console" + path(id)
	a.update(id, "<name>Renamed</name><details>"+strings.Repeat("x", 1000)+"</details>")
	a.want(200, "POST", togglePath(id), "")
	require.Regexp(t, `Now Name Renamed Status inactive Currency .* Version 3 History `+
		`Toggled version 3 \S+ \S+ UTC by `+a.account+` Status from active → to inactive sequence \d+, correlation \w+ `+
		`Updated version 2 .* Name from SuprCorp → to Renamed Details from empty → to x{500} … and more, see the version sequence .* `+
		`Created version 1 .* Name SuprCorp Status active`, a.page(200, at))
	require.Regexp(t, "As of version 2 .* Show the present state Name Renamed Status active .* Details x{1000} Highrise", a.page(200, at+"?version=2"))
	require.Contains(t, a.page(404, at+"?version=4"), "There is no version 4: the last one is 3.")
	require.Contains(t, a.page(404, at+"?as_of=2010-01-01"), "The client did not exist then.")
	for path, status := range map[string]int{
		at + "?version=x": 400, at + "?version=0": 400, at + "?as_of=never": 400, at + "?as_of=2999-01-01": 400, at + "?as_of=2010-01-01&version=1": 400, at + "?version=2&%": 400,
		"/console/clients/999999999": 404, "/console/clients/x": 404, "/console/clients": 404, "/console/x": 404, "/console/pages": 404, at + "/history": 404,
	} {
		require.NotEmpty(t, a.page(status, path), path)
	}
	require.Contains(t, a.want(400, "GET", at+"?as_of=never", "").body, `<a href="`+at+`">Go back to client`)
	for _, datetime := range []string{"Sat, 25 Sep 2010 18:30:00 GMT", "never"} {
		require.Contains(t, a.want(200, "GET", at, "", "Accept-Datetime: "+datetime).body, ">Now<", "the console is no TimeGate")
	}
	require.NotContains(t, other.page(404, at), "Renamed")
	a.want(200, "DELETE", path(id), "")
	require.Regexp(t, "Deleted on .* by "+a.account+`\. Its history remains\. Before the deletion Name Renamed .* Deleted version 4 .* Created version 1`, a.page(200, at))
	require.Contains(t, a.page(200, at+"?version=2"), "As of version 2")
}

// The console is reached, cached, compressed and refused as the rest of the API.
func TestTheConsoleIsServedAsTheAPI(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_CREDENTIALS_DIR="+credentials(t, 4, "ann:one"))
	c := s.as("ann:one")
	for _, p := range []string{"/console", "/console/", "//console//", "/console?"} {
		r := c.want(200, "GET", p, "", acceptJSON)
		require.Contains(t, readable(r.body), "account shop , user ann")
		require.Equal(t, htmlType, r.header.Get("Content-Type"))
		policy := r.header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'")
		require.NotContains(t, policy, "unsafe")
		require.Equal(t, "nosniff", r.header.Get("X-Content-Type-Options"))
		require.Equal(t, "same-origin", r.header.Get("Cross-Origin-Opener-Policy"))
		require.Equal(t, "private, no-cache", r.header.Get("Cache-Control"))
		require.Empty(t, c.want(200, "HEAD", p, "").body)
	}
	page := c.want(200, "GET", "/console/", "").body
	require.NotRegexp(t, `(?i)<style|<script[^>]*>[^<]|style=| on\w+=|https?://`, page)
	for _, kind := range regexp.MustCompile(`clients\.v1\.Client\w+`).FindAllString(s.operations("/asyncapi.yaml").body, -1) {
		require.Contains(t, page, kind+"=", "the script listens for every type")
	}
	assets := regexp.MustCompile(`"(/console/[a-z]+\.[a-z]+)"`).FindAllStringSubmatch(page, -1)
	require.Len(t, assets, 3)
	for _, asset := range assets {
		plain := c.want(200, "GET", asset[1], "")
		require.Equal(t, plain.body, gunzip(t, c.want(200, "GET", asset[1], "", acceptGzip)))
		require.NotEmpty(t, plain.tag())
		require.Empty(t, c.want(304, "GET", asset[1], "", "If-None-Match: "+plain.tag()).body)
		require.Equal(t, "nosniff", plain.header.Get("X-Content-Type-Options"))
	}
	for _, p := range []string{"/console/", "/console/clients/1", "/console/console.js", "/console/none"} {
		r := s.want(401, "GET", p, "")
		require.NotEmpty(t, r.header.Get("WWW-Authenticate"))
		require.Contains(t, readable(r.body), "Log in with a user name and password of the API.")
		require.NotEmpty(t, r.header.Get("Content-Security-Policy"))
		require.Equal(t, "no-store", r.header.Get("Cache-Control"))
		require.NotContains(t, r.body, "ann")
	}
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		require.Equal(t, "GET, HEAD", c.want(405, method, "/console/", "").header.Get("Allow"))
	}
	c.want(403, "POST", "/console/", "", "Origin: https://other.example")
	start(t).want(421, "GET", "/console/", "", "Host: other.example")
}

// Without NATS pages show what is known, and say so.
func TestTheConsoleWithoutNATS(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	s := startReplicas(t, 1, cluster.URL(), "CLIENTS_STREAM_REPLICAS=1")[0]
	eventual := s.again(t, "CLIENTS_READ_CONSISTENCY=eventual")
	id := s.create("SuprCorp")
	require.NotContains(t, s.page(200, "/console"+path(id)), "read-only")
	eventually(t, func() bool { return eventual.do(http.MethodGet, path(id), "").status == 200 }, "the other replica has the client")
	cluster.Stop(0)
	for _, p := range []string{"/console/", "/console" + path(id)} {
		require.Regexp(t, "The event store cannot be reached.* SuprCorp", s.page(200, p))
	}
	require.Contains(t, s.page(200, "/console"+path(id)), "The history cannot be read at present. This is the last known state.")
	require.Contains(t, eventual.page(200, "/console"+path(id)), "The history cannot be read at present.")
	eventually(t, func() bool { return strings.Contains(s.page(200, "/console/"), "The service is read-only at present.") }, "the service is read-only")
	require.Contains(t, s.page(503, "/console"+path(id)+"?version=1"), "Reload the page")
	s.page(503, "/console"+path(id+1000))
}
