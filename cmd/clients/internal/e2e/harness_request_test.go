package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// client sends requests to one address. It neither requests compression nor follows redirects.
type client struct {
	t     testing.TB
	base  string // as http://127.0.0.1:8080
	http  *http.Client
	login string // "user:password", or empty
}

func newClient(t testing.TB, base string) *client {
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t: t, base: base, http: &http.Client{
		Transport: transport, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// at returns the same client for another address.
func (c *client) at(base string) *client {
	return &client{t: c.t, base: base, http: c.http, login: c.login}
}

// read requests a document.
func (c *client) read(path string) response { return c.do(http.MethodGet, path, "") }

// as returns the same client with a login, "user:password".
func (c *client) as(login string) *client {
	return &client{t: c.t, base: c.base, http: c.http, login: login}
}

// authorization is the header of the login.
func (c *client) authorization() string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(c.login))
}

// on returns the same client for a subtest.
func (c *client) on(t testing.TB) *client {
	return &client{t: t, base: c.base, http: c.http, login: c.login}
}

// response is a whole HTTP response.
type response struct {
	status int
	header http.Header
	body   string
}

// send makes a request with headers, each "Name: value". Any goroutine may use it.
func (c *client) send(method, path, body string, headers ...string) (response, error) {
	request, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		return response{}, err
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
	r, err := c.http.Do(request)
	if err != nil {
		return response{}, err
	}
	defer r.Body.Close()
	content, err := io.ReadAll(r.Body)
	return response{r.StatusCode, r.Header, string(content)}, err
}

// do makes a request that has to get a response.
func (c *client) do(method, path, body string, headers ...string) response {
	c.t.Helper()
	r, err := c.send(method, path, body, headers...)
	require.NoError(c.t, err, "%s %s", method, path)
	return r
}

// want makes a request whose response has to have status.
func (c *client) want(status int, method, path, body string, headers ...string) response {
	c.t.Helper()
	r := c.do(method, path, body, headers...)
	require.Equal(c.t, status, r.status, "%s %s %s %.200q: %s", method, path, headers, body, r.body)
	return r
}

// settle is want for a request that may be repeated: it is sent again while the response is 503, because on a busy machine a
// cluster may elect leaders at any time.
func (c *client) settle(status int, method, path, body string, headers ...string) response {
	c.t.Helper()
	var r response
	eventually(c.t, func() bool {
		var err error
		r, err = c.send(method, path, body, headers...)
		return err != nil || r.status != http.StatusServiceUnavailable
	}, "%s %s gets a response", method, path)
	require.Equal(c.t, status, r.status, "%s %s %s %.200q: %s", method, path, headers, body, r.body)
	return r
}

// createOnce is create under a key, so that it can be sent again.
func (c *client) createOnce(name string) int64 {
	c.t.Helper()
	body, key := jsonOf(c.t, map[string]any{"client": map[string]any{"name": name}}), "Idempotency-Key: "+uuid.NewString()
	return c.settle(http.StatusCreated, http.MethodPost, "/clients", body, asJSON, key).id(c.t)
}

// create creates a client with a name and returns its id.
func (c *client) create(name string, headers ...string) int64 {
	c.t.Helper()
	body, err := json.Marshal(map[string]any{"client": map[string]any{"name": name}})
	require.NoError(c.t, err)
	return c.want(http.StatusCreated, http.MethodPost, "/clients", string(body), append(headers, asJSON)...).id(c.t)
}

// attributes returns a client as GET shows it in JSON.
func (c *client) attributes(id int64) map[string]any {
	c.t.Helper()
	body := c.want(http.StatusOK, http.MethodGet, path(id)+".json", "").body
	var document map[string]map[string]any
	require.NoError(c.t, json.Unmarshal([]byte(body), &document), body)
	return document["client"]
}

// path is where a client is.
func path(id int64) string { return "/clients/" + strconv.FormatInt(id, 10) }

// Headers of requests.
const (
	asXML      = "Content-Type: application/xml"
	asJSON     = "Content-Type: application/json"
	acceptXML  = "Accept: application/xml"
	acceptJSON = "Accept: application/json"
)

// id is the client that Location names.
func (r response) id(t testing.TB) int64 {
	t.Helper()
	var id int64
	_, err := fmt.Sscanf(r.header.Get("Location"), "/clients/%d", &id)
	require.NoError(t, err, "Location: %s", r.header.Get("Location"))
	return id
}

// message is the text of an error, in whichever format. It fails on a body that is no error.
func (r response) message(t testing.TB) string {
	t.Helper()
	var e struct {
		XMLName xml.Name `json:"-" xml:"error"`
		Message string   `json:"message" xml:"message"`
	}
	if strings.HasPrefix(r.header.Get("Content-Type"), "application/json") {
		require.NoError(t, json.Unmarshal([]byte(r.body), &e), r.body)
	} else {
		require.NoError(t, xml.Unmarshal([]byte(r.body), &e), r.body)
	}
	require.NotEmpty(t, e.Message, r.body)
	return e.Message
}

// sumOfSamples adds up the samples of a metric in the Prometheus text format that have all of labels.
func sumOfSamples(t testing.TB, metrics, name string, labels []string) (sum float64) {
	t.Helper()
	for line := range strings.Lines(metrics) {
		rest, found := strings.CutPrefix(line, name)
		if !found || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		missing := false
		for _, label := range labels {
			missing = missing || !strings.Contains(rest, label)
		}
		if missing {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndex(strings.TrimRight(rest, "\n"), " "):]), 64)
		require.NoError(t, err, line)
		sum += value
	}
	return sum
}
