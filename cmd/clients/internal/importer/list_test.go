package importer_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"clients/cmd/clients/internal/importer"

	"github.com/stretchr/testify/require"
)

// fake is a service that accepts every client.
type fake struct {
	*httptest.Server
	mu    sync.Mutex
	names []string
	keys  []string
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		f.names = append(f.names, nameIn(body, r.Header.Get("Content-Type")))
		f.keys = append(f.keys, r.Header.Get("Idempotency-Key"))
		w.Header().Set("Location", fmt.Sprintf("/clients/%d", len(f.names)))
		w.WriteHeader(http.StatusCreated)
		return
	}
	var list []string
	for id := range f.names {
		list = append(list, fmt.Sprintf(`{"client":{"id":%d}}`, id+1))
	}
	fmt.Fprintf(w, "[%s]", strings.Join(list, ","))
}

func nameIn(body []byte, contentType string) string {
	if contentType == "application/xml" {
		var client struct {
			Name string `xml:"name"`
		}
		decoder := xml.NewDecoder(bytes.NewReader(body))
		_ = decoder.Decode(&client)
		return client.Name
	}
	var document struct{ Client struct{ Name string } }
	_ = json.Unmarshal(body, &document)
	return document.Client.Name
}

// imported imports a list, one client after the other, and returns the names that arrived.
func imported(t *testing.T, list string) (names []string, err error) {
	t.Helper()
	f := newFake(t)
	config := importer.Config{URL: f.URL, Callers: 1, Journal: filepath.Join(t.TempDir(), "journal"), Out: io.Discard, Err: io.Discard}
	err = importer.Run(t.Context(), config, []byte(list))
	return f.names, err
}

func one(name string) string     { return "<client><name>" + name + "</name></client>" }
func oneJSON(name string) string { return `{"client":{"name":"` + name + `"}}` }

func TestLists(t *testing.T) {
	t.Parallel()
	const latin1 = `<?xml version="1.0" encoding="ISO-8859-1"?>`
	for _, row := range []struct {
		list  string
		names string // joined by |
		fault string
	}{
		// XML
		{"<clients>" + one("A") + "\n" + one("B") + "</clients>\n", "A|B", ""},
		{"\xEF\xBB\xBF\n <clients type=\"array\"/>\n<!-- end -->\n", "", ""},
		{"<clients><client><name><![CDATA[<client>x]]></name></client>" + one("B") + "</clients>", "<client>x|B", ""},
		{"<clients>" + one("A") + "\n<client><name>B</client>\n" + one("C") + "</clients>", "A", "line 2: element <name> closed by </client>"},
		{"<clients>" + one("A") + "\n<client>\n<name>B&nbsp;</name></client></clients>", "A", "line 3: invalid character entity &nbsp;"},
		{"<clients>\n<client><name>A</name>\n" + one("B") + "</clients>", "", "line 3: element <client> closed by </clients>"},
		{"<clients>" + one("A") + "\n<project/></clients>", "A", "line 2: unexpected <project>"},
		{"<clients>" + one("A") + "\n&lt;client>B&lt;/client></clients>", "A", "line 2: text outside of a client"},
		{"<clients>" + one("A") + "\n<client><name>Rest ", "A", "line 2: unexpected EOF"},
		{"<clients>" + one("A") + "\n", "A", "line 2: unexpected EOF"},
		{"<clients>" + one("A\x01") + "</clients>", "", "line 1: illegal character code U+0001"},
		{"\n" + one("A"), "", "line 2: unexpected <client>"},
		{"<!-- nothing -->", "", "line 1: no <clients> found"},
		{"<clients></clients>\n<clients>", "", "line 2: unexpected <clients>"},
		// JSON
		{"[]", "", ""},
		{"\n[" + oneJSON("A") + ",\n" + oneJSON("B") + "]\n", "A|B", ""},
		{"[" + oneJSON(`A \" {\"client\":{`) + "]", `A " {"client":{`, ""},
		{"[" + oneJSON("A") + ",\n\n{\"client\":{\"name\":\n\"B\",}},\n" + oneJSON("C") + "]", "A", "line 4: invalid character '}' looking for beginning of object key string"},
		{"[" + oneJSON("A") + "\n" + oneJSON("B") + "]", "A", "line 2: invalid character '{' after array element"},
		{"[" + oneJSON("A") + ",\n1]", "A", "line 2: not a client"},
		{"[" + oneJSON("A") + ",\n" + `{"client":`, "A", "line 2: unexpected end of JSON input"},
		{"[" + oneJSON("A") + ",", "A", "line 1: unexpected end of JSON input"},
		{"[" + oneJSON("A") + ",\n{\"client\":{\"name\":\"A\n", "A", "line 2: invalid character '\\n' in string literal"},
		{"[]\n[", "", "line 2: invalid character '[' after top-level value"},
		// neither
		{"", "", "line 1: no list found: the input is empty"},
		{" \n", "", "line 1: no list found: the input is empty"},
		{"id,name", "", "line 1: neither XML nor a JSON array"},
		// encodings
		{latin1 + "<clients>" + one("S\xF6hne") + "</clients>", "Söhne", ""},
		{"\xEF\xBB\xBF" + latin1 + "<clients>" + one("Söhne") + "</clients>", "Söhne", ""},
		{strings.Replace(latin1, "ISO-8859-1", "utf-16", 1) + "<clients>" + one("Söhne") + "</clients>", "Söhne", ""},
		{strings.Replace(latin1, "ISO-8859-1", "Shift_JIS", 1) + "<clients>" + one("A") + "\n" + one("\xFF") + "</clients>", "A", "line 2: bytes that are invalid"},
		{strings.Replace(latin1, "ISO-8859-1", "US-ASCII", 1) + "<clients>" + one("A") + "\n" + one("\xFF") + "</clients>", "A", "line 2: bytes that are invalid"},
		{strings.Replace(latin1, "ISO-8859-1", "klingon", 1) + "<clients/>", "", "unsupported charset"},
	} {
		names, err := imported(t, row.list)
		require.Equal(t, row.names, strings.Join(names, "|"), row.list)
		if row.fault == "" {
			require.NoError(t, err, row.list)
		} else {
			require.ErrorContains(t, err, row.fault, row.list)
		}
	}
}

// The key of a record does not depend on line ends and blanks, but on its content and on how many equal ones precede it.
func TestKeysOfRecords(t *testing.T) {
	t.Parallel()
	keys := func(list string) []string {
		f := newFake(t)
		config := importer.Config{URL: f.URL, Callers: 1, Journal: filepath.Join(t.TempDir(), "journal"), Out: io.Discard, Err: io.Discard}
		require.NoError(t, importer.Run(t.Context(), config, []byte(list)))
		return f.keys
	}
	xmlKey := keys("<clients>" + one("A") + "</clients>")[0]
	require.Equal(t, []string{xmlKey, xmlKey + "-2"}, keys("<clients>\r\n"+one("A")+"\n\n"+one("A")+"</clients>"))
	require.Equal(t, "import-f42b078938012dbeaa4ed08a5b4baf70", xmlKey, "journals of earlier releases have it")
	require.Equal(t, keys("["+oneJSON("A")+"]"), keys("[ "+strings.ReplaceAll(oneJSON("A"), ":", " :\n")+"]"))
	require.NotEqual(t, keys("["+oneJSON("A")+"]"), keys("["+oneJSON("a")+"]"))
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"HTTP://Host:80/":     "http://host",
		"https://host:443/a/": "https://host/a",
		"https://host:80":     "https://host:80",
		"http://[::1]:8080":   "http://[::1]:8080",
		"http://ann:secret@x": "",
		"http://x/?a=b":       "",
		"ftp://x":             "",
		"127.0.0.1:8080":      "",
		"http://":             "",
		"http://x/#fragment":  "",
	} {
		parsed, err := importer.ParseURL(value)
		require.Equal(t, want, parsed)
		require.Equal(t, want == "", err != nil, value)
	}
}
