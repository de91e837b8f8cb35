package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// caller sends requests to a service. It neither asks for compression nor undoes it unless a test says so.
type caller struct {
	t     *testing.T
	base  string
	http  *http.Client
	login string // "user:password", or empty
}

func newCaller(t *testing.T, base string) *caller {
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &caller{t: t, base: base, http: &http.Client{Transport: transport, Timeout: patience}}
}

// at is the same caller at another address.
func (c *caller) at(base string) *caller {
	return &caller{t: c.t, base: base, http: c.http, login: c.login}
}

// on is the same caller on behalf of a part of the test.
func (c *caller) on(t *testing.T) *caller {
	return &caller{t: t, base: c.base, http: c.http, login: c.login}
}

// as is the same caller with a login, "user:password".
func (c *caller) as(login string) *caller {
	return &caller{t: c.t, base: c.base, http: c.http, login: login}
}

// answer is a whole HTTP answer.
type answer struct {
	status int
	header http.Header
	body   string
}

// send makes a request with headers, each "Name: value". It may be used by any goroutine.
func (c *caller) send(method, path, body string, headers ...string) (answer, error) {
	request, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if request.Header.Add(name, value); name == "Host" {
			request.Host = value
		}
	}
	if user, password, given := strings.Cut(c.login, ":"); given {
		request.SetBasicAuth(user, password)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(content)}, err
}

// do makes a request that has to be answered.
func (c *caller) do(method, path, body string, headers ...string) answer {
	c.t.Helper()
	a, err := c.send(method, path, body, headers...)
	require.NoError(c.t, err, "%s %s", method, path)
	return a
}

// want makes a request that has to be answered with status.
func (c *caller) want(status int, method, path, body string, headers ...string) answer {
	c.t.Helper()
	a := c.do(method, path, body, headers...)
	require.Equal(c.t, status, a.status, "%s %s %s %q: %s", method, path, headers, clip(body), a.body)
	return a
}

// Headers of requests.
const (
	asXML      = "Content-Type: application/xml"
	asJSON     = "Content-Type: application/json"
	acceptXML  = "Accept: application/xml"
	acceptJSON = "Accept: application/json"
)

// id is the client that an answer's Location names.
func (a answer) id(t *testing.T) int64 {
	t.Helper()
	var id int64
	_, err := fmt.Sscanf(a.header.Get("Location"), "/clients/%d", &id)
	require.NoError(t, err, "Location: %s", a.header.Get("Location"))
	return id
}

func (a answer) tag() string { return a.header.Get("ETag") }

// message is what an error says, in whichever format; it fails on a body that is no error.
func (a answer) message(t *testing.T) string {
	t.Helper()
	var e struct {
		XMLName xml.Name `json:"-" xml:"error"`
		Message string   `json:"message" xml:"message"`
	}
	var err error
	switch kind := a.header.Get("Content-Type"); kind {
	case "application/xml; charset=utf-8":
		err = xml.Unmarshal([]byte(a.body), &e)
	case "application/json; charset=utf-8":
		err = json.Unmarshal([]byte(a.body), &e)
	default:
		require.Fail(t, "neither XML nor JSON", "%s: %s", kind, a.body)
	}
	require.NoError(t, err, a.body)
	require.NotEmpty(t, e.Message, a.body)
	return e.Message
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	document, err := json.Marshal(v)
	require.NoError(t, err)
	return string(document)
}

var betweenElements = regexp.MustCompile(`>\s+<`)

// compact leaves out what XML is indented with.
func compact(document string) string {
	return strings.TrimSpace(betweenElements.ReplaceAllString(document, "><"))
}

// clip keeps what a failing test tells readable.
func clip(text string) string {
	if len(text) > 200 {
		return text[:200] + "…"
	}
	return text
}
