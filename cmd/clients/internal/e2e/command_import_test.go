package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// listFile is a list of clients in a file.
type listFile struct {
	t    *testing.T
	path string
}

func newList(t *testing.T, content string) listFile {
	t.Helper()
	l := listFile{t, filepath.Join(t.TempDir(), "list")}
	write(t, l.path, content)
	return l
}

// importTo runs clients import.
func (l listFile) importTo(url string, args ...string) result {
	l.t.Helper()
	return run(l.t, nil, append([]string{"import", l.path, "--url", url}, args...)...)
}

// journal returns the ids that clients got, by those that they had in the list.
func (l listFile) journal() map[int64]int64 {
	l.t.Helper()
	content, err := os.ReadFile(l.path + ".imported")
	require.NoError(l.t, err)
	_, lines, _ := bytes.Cut(content, []byte("\n"))
	ids := map[int64]int64{}
	for decoder := json.NewDecoder(bytes.NewReader(lines)); decoder.More(); {
		var line struct {
			OldID int64 `json:"old_id"`
			ID    int64
		}
		require.NoError(l.t, decoder.Decode(&line))
		ids[line.OldID] = line.ID
	}
	return ids
}

// A list that was exported is what GET returns, and is imported as the same clients, with other ids and times.
func TestImportCreatesWhatExportWrites(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.createFrom(everything)
	gone := s.create("Gone")
	s.createFrom("<name>Zweite &amp; Söhne</name><details>two\nlines</details>")
	s.want(http.StatusOK, http.MethodDelete, path(gone), "")
	for _, format := range []string{"xml", "json"} {
		flags := map[string][]string{"json": {"--json"}}[format]
		want := s.want(http.StatusOK, http.MethodGet, "/clients."+format, "").body
		exported := run(t, s.variables, append([]string{"export"}, flags...)...)
		require.Zero(t, exported.code, exported.stderr)
		require.Equal(t, strings.TrimSuffix(want, "\n")+"\n", exported.stdout)
		require.Contains(t, exported.stderr, "sequence 4")
		file := filepath.Join(t.TempDir(), "list")
		require.Zero(t, run(t, s.variables, append([]string{"export", "-o", file}, flags...)...).code)
		require.Equal(t, 1, run(t, s.variables, "export", "-o", file).code, "a file is not overwritten")

		a := shared(t)
		list := newList(t, exported.stdout)
		imported := list.importTo(a.base, "--login", a.login)
		require.Zero(t, imported.code, imported.stderr)
		require.Empty(t, imported.stdout)
		expected, got := s.list(""), a.list("")
		require.Len(t, got, 2)
		for i, v := range got {
			require.Equal(t, v.ID, list.journal()[expected[i].ID])
			v.ID, v.CreatedAt, v.UpdatedAt, v.CacheVersion = expected[i].ID, expected[i].CreatedAt, expected[i].UpdatedAt, expected[i].CacheVersion
			require.Equal(t, expected[i], v)
		}
	}
}

const threeClients = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clients type=\"array\">\n  <client>\n    <id>40</id>\n    <name>First</name>\n  </client>\n" +
	"  <client><id>41</id><name> </name></client>\n  <client><id>42</id><name>Third</name></client>\n</clients>\n"

// A second import creates nothing twice. Refused clients are reported by their line, in the order of the list.
func TestAnImportContinuesWhereItWas(t *testing.T) {
	t.Parallel()
	a := shared(t)
	list := newList(t, threeClients)
	for range 3 {
		r := list.importTo(a.base, "--login", a.login)
		require.Equal(t, 1, r.code)
		require.Equal(t, "line 7: Name can't be blank.\n", r.stdout)
		require.Equal(t, []string{"First", "Third"}, names(a.list("")))
		require.Equal(t, "First", a.get(list.journal()[40]).Name)
		require.Equal(t, "Third", a.get(list.journal()[42]).Name)
	}
	require.NoError(t, os.Remove(list.path+".imported")) // the service still has the created clients
	require.Equal(t, 1, list.importTo(a.base, "--login", a.login).code)
	require.Len(t, a.list(""), 2)

	gone := list.journal()[40]
	a.want(http.StatusOK, http.MethodDelete, path(gone), "")
	write(t, list.path, strings.ReplaceAll(threeClients, "Third", "Other"))
	r := list.importTo(a.base, "--login", a.login)
	require.Equal(t, 1, r.code)
	require.Len(t, strings.Split(strings.TrimSpace(r.stdout), "\n"), 3, "one is deleted, one refused, and one changed in the list: %s", r.stdout)
	require.Equal(t, []string{"Third"}, names(a.list("")))

	require.NoError(t, os.Remove(list.path+".imported")) // within a day the keys of the requests are known
	r = list.importTo(a.base, "--login", a.login)
	require.Equal(t, 1, r.code, "what is not there is not reported as created")
	require.Contains(t, r.stdout, fmt.Sprintf("line 3: imported before as client %d, which has been deleted since\n", gone))
	require.Equal(t, []string{"Other", "Third"}, names(a.list("")))

	other := shared(t) // a journal is of one service and one user
	require.Equal(t, 1, list.importTo(other.base, "--login", other.login).code)
	require.Empty(t, other.list(""))
	r = list.importTo(other.base, "--login", other.login, "--journal", "/dev/full")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "journal /dev/full: not the journal of an import", "it has no end")
}

func TestImportReportsInTheOrderOfTheList(t *testing.T) {
	t.Parallel()
	a := shared(t)
	var content, want strings.Builder
	content.WriteString("\xEF\xBB\xBF[\n")
	for n := range 40 {
		if n > 0 {
			content.WriteString(",\n")
		}
		if n%2 == 0 {
			fmt.Fprintf(&content, `{"client":{"name":"%02d","last_invoice_kind":"task"}}`, n)
		} else {
			content.WriteString(`{"client":{"name":""}}`)
			fmt.Fprintf(&want, "line %d: Name can't be blank.\n", n+2)
		}
	}
	content.WriteString("]\n")
	cmd := exec.CommandContext(t.Context(), binary, "import", "-", "--url", a.base, "--login", a.login, "--callers", "16",
		"--journal", filepath.Join(t.TempDir(), "journal"))
	cmd.Stdin = strings.NewReader(content.String())
	out, err := cmd.Output()
	require.Error(t, err)
	require.Equal(t, 1, cmd.ProcessState.ExitCode())
	require.Equal(t, want.String(), string(out))
	require.Len(t, a.list(""), 20)
}

// A document that is no list, or a malformed client, ends an import with its line; nothing else is created.
func TestAMalformedListIsReportedByItsLine(t *testing.T) {
	t.Parallel()
	const one = "<client><name>One</name></client>\n"
	for name, c := range map[string]struct{ list, line string }{
		"malformed XML":     {"<clients>\n" + one + "<client><name>Bro&ken</name></client>\n</clients>", "line 3"},
		"a wrong end":       {"<clients>\n" + one + "<client><name>B</wrong></client>\n</clients>", "line 3"},
		"XML that is cut":   {"<clients>\n" + one + "<client><name>Cut", "line 3"},
		"malformed JSON":    {"[\n{\"client\":{\"name\":\"One\"}},\n{\"client\":{\"name\":}}\n]", "line 3"},
		"JSON that is cut":  {"[\n{\"client\":{\"name\":\"One\"}},\n{", "line 3"},
		"an empty file":     {"", ""},
		"no list":           {"id,name\n", ""},
		"another root":      {one, ""},
		"unknown encoding":  {`<?xml version="1.0" encoding="klingon"?><clients/>`, ""},
		"a list and a list": {"<clients>" + one + "</clients>\n<clients>", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shared(t)
			r := newList(t, c.list).importTo(a.base, "--login", a.login)
			require.Equal(t, 1, r.code)
			require.Contains(t, r.stdout+r.stderr, c.line)
			require.NotEmpty(t, r.stdout+r.stderr)
			for _, name := range names(a.list("")) {
				require.Equal(t, "One", name)
			}
		})
	}
}

// An encoding other than UTF-8 is decoded.
func TestImportDecodesOtherEncodings(t *testing.T) {
	t.Parallel()
	a := shared(t)
	r := newList(t, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<clients><client><name>S\xF6hne</name></client></clients>").importTo(a.base, "--login", a.login)
	require.Zero(t, r.code, r.stderr)
	require.Equal(t, []string{"Söhne"}, names(a.list("")))
}

// Errors that a retry cannot solve end an import at once. The list can be imported to another service afterwards.
func TestAnImportThatCannotSucceedEndsAtOnce(t *testing.T) {
	t.Parallel()
	trusted, _ := certificate(t)
	other, _ := certificate(t)
	s := start(t, append(trusted, "CLIENTS_CREDENTIALS_DIR="+credentials(t, bcrypt.MinCost, "ann:one"))...)
	ca := func(variables []string) string {
		_, file, _ := strings.Cut(variables[0], "=")
		return file
	}
	list := newList(t, "<clients><client><name>One</name></client></clients>")
	moved := httptest.NewServer(http.RedirectHandler("https://elsewhere/clients", http.StatusMovedPermanently))
	defer moved.Close()
	host := strings.TrimPrefix(s.base, "https://")
	for _, c := range []struct {
		url, says string
		args      []string
	}{
		{s.base, "--ca", nil},
		{s.base, "", []string{"--ca", ca(other)}},
		{"http://" + host, "HTTPS", nil},
		{s.base, "CLIENTS_IMPORT_LOGIN", []string{"--ca", ca(trusted)}},
		{s.base, "ann", []string{"--ca", ca(trusted), "--login", "ann:two"}},
		{strings.Replace(s.ops, "http://", "https://", 1), "", []string{"--ca", ca(trusted)}},
		{s.ops, "404", nil},
		{"http://nowhere.invalid", "nowhere.invalid", nil},
		{moved.URL, "https://elsewhere/clients", nil},
	} {
		r := list.importTo(c.url, c.args...)
		require.Equal(t, 1, r.code, "%s %s", c.url, c.args)
		require.Contains(t, r.stderr, c.says, "%s %s", c.url, c.args)
		require.Empty(t, r.stdout)
	}
	r := list.importTo(s.base, "--ca", ca(trusted), "--login", "ann:one")
	require.Zero(t, r.code, r.stderr)
}

// An import repeats requests to a service that does not respond until it is interrupted.
func TestAnImportWaitsForTheService(t *testing.T) {
	t.Parallel()
	a := shared(t)
	var away atomic.Int64
	away.Store(3)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Add(-1) >= 0 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		response, err := a.send(r.Method, r.URL.Path, "<client><name>One</name></client>", asXML, acceptJSON)
		if err == nil {
			w.Header().Set("Location", response.header.Get("Location"))
			w.WriteHeader(response.status)
			fmt.Fprint(w, response.body)
		}
	}))
	defer front.Close()
	r := newList(t, "<clients>"+strings.Repeat("<client><name>One</name></client>", 3)+"</clients>").importTo(front.URL)
	require.Zero(t, r.code, r.stderr)
	require.Len(t, a.list(""), 3)
	require.Contains(t, r.stderr, "502")

	waiting := exec.Command(binary, "import", newList(t, threeClients).path, "--url", "http://127.0.0.1:1")
	var printed output
	waiting.Stderr = &printed
	require.NoError(t, waiting.Start())
	eventually(t, func() bool { return printed.contains("127.0.0.1:1") }, "it reports that it waits")
	require.NoError(t, waiting.Process.Signal(syscall.SIGINT))
	require.Error(t, waiting.Wait())
	require.Equal(t, 1, waiting.ProcessState.ExitCode())
	require.NotContains(t, printed.String(), "context")
}
