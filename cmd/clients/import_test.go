package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"
)

// listFile is a list of clients in a file, which import is run on.
type listFile struct {
	t    *testing.T
	path string
}

func newList(t *testing.T, content string) listFile {
	t.Helper()
	l := listFile{t, filepath.Join(t.TempDir(), "list.xml")}
	l.write(content)
	return l
}

func (l listFile) write(content string) {
	l.t.Helper()
	require.NoError(l.t, os.WriteFile(l.path, []byte(content), 0o600))
}

func (l listFile) importTo(a *app, args ...string) (code int, stdout, stderr string) {
	l.t.Helper()
	return runInProcess(l.t, append([]string{"import", l.path, "--url", a.base}, args...)...)
}

// journal are the ids that clients have got, by those that they had.
func (l listFile) journal() map[int64]int64 {
	l.t.Helper()
	content, err := os.ReadFile(l.path + ".imported")
	require.NoError(l.t, err)
	ids := make(map[int64]int64)
	for _, text := range lines(string(content))[1:] {
		var line struct {
			OldID int64 `json:"old_id"`
			ID    int64 `json:"id"`
		}
		require.NoError(l.t, json.Unmarshal([]byte(text), &line))
		ids[line.OldID] = line.ID
	}
	return ids
}

const threeClients = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clients type=\"array\">\n  <client>\n    <id>40</id>\n    <name>First</name>\n  </client>\n" +
	"  <client><id>41</id><name> </name></client>\n  <client><id>42</id><name>Third</name></client>\n</clients>\n"

// What is valid is kept, and the rest told by its line; a second import makes nothing twice, with its journal or without.
func TestImportGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	a := launch(t)
	list := newList(t, threeClients)
	for attempt, told := range []string{
		"2 created, 0 already imported, 1 rejected",
		"0 created, 2 already imported, 1 rejected",
		"2 created, 0 already imported, 1 rejected", // by its account, since its journal is gone
	} {
		code, out, stderr := list.importTo(a)
		require.Equal(t, 1, code)
		require.Equal(t, "line 7: Name can't be blank.\n", out)
		require.Contains(t, stderr, told)
		require.NotContains(t, stderr, "run it again")
		require.Equal(t, []string{"First", "Third"}, names(a.list("")))
		require.Equal(t, "First", a.get(list.journal()[40]).Name)
		require.Equal(t, "Third", a.get(list.journal()[42]).Name)
		if attempt == 1 {
			require.NoError(t, os.Remove(list.path+".imported"))
		}
	}
}

// A malformed list is imported up to its fault; once it is corrected, the rest is, whatever else has moved in it.
func TestImportOfAListThatIsCorrected(t *testing.T) {
	t.Parallel()
	a := launch(t)
	twins := "<client><name>Twin</name></client>\n"
	list := newList(t, "<clients>\n"+twins+twins+"<client><name>Bro&ken</name></client>\n<client><name>Third</name></client>\n</clients>")
	code, out, stderr := list.importTo(a)
	require.Equal(t, 1, code)
	require.Empty(t, out)
	require.Contains(t, stderr, "2 created, 0 already imported, 0 rejected\n"+
		"error: import: line 4: invalid character entity &ken (no semicolon)\nhint: correct the list and run it again\n")
	list.write("<clients>\r\n\r\n<client><name>New</name></client>" + strings.ReplaceAll(twins, "\n", "\r\n") + "<client><name>Bro&amp;ken</name></client>" +
		"<client><name>Third</name></client>" + twins + twins + "</clients>")
	code, out, stderr = list.importTo(a)
	require.Zero(t, code, stderr)
	require.Empty(t, out)
	require.Contains(t, stderr, "4 created, 2 already imported, 0 rejected")
	require.Equal(t, []string{"Bro&ken", "New", "Third", "Twin", "Twin", "Twin"}, names(a.list("")))
}

// A journal is of one service and one user, and is believed only as far as the service bears it out.
func TestImportHoldsItsJournalAgainstTheService(t *testing.T) {
	t.Parallel()
	a, b := launch(t), launch(t)
	list := newList(t, "<clients>\n<client><id>1</id><name>A</name></client>\n<client><id>2</id><name>B</name></client>\n</clients>")
	code, _, stderr := list.importTo(a)
	require.Zero(t, code, stderr)
	for _, args := range [][]string{{"--url", b.base}, {"--login", "ann:one"}} {
		code, _, stderr = list.importTo(a, args...)
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "is of "+a.base+" without login, not of ")
		require.Contains(t, stderr, "hint: name another journal")
	}
	require.Empty(t, b.list(""))

	forged, err := os.ReadFile(list.path + ".imported")
	require.NoError(t, err)
	other := newList(t, "")
	require.NoError(t, os.WriteFile(other.path+".imported", []byte(strings.ReplaceAll(string(forged), a.base, b.base)), 0o600))
	code, _, stderr = runInProcess(t, "import", list.path, "--url", b.base, "--journal", other.path+".imported")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, b.base+" has none of the 2 clients in the journal")

	gone := list.journal()[1]
	a.want(200, "DELETE", path(gone), "")
	told := fmt.Sprintf("line 2: imported before as client %d, which has been deleted since\n", gone)
	code, out, stderr := list.importTo(a)
	require.Equal(t, 1, code)
	require.Equal(t, told, out)
	require.Contains(t, stderr, "0 created, 1 already imported, 1 rejected")
	require.NoError(t, os.Remove(list.path+".imported"))
	code, out, stderr = list.importTo(a)
	require.Equal(t, 1, code)
	require.Equal(t, told, out, "its key is still known")
	require.Contains(t, stderr, "1 created, 0 already imported, 1 rejected")

	list.write("<clients>\n<client><id>2</id><name>B, changed</name></client>\n</clients>")
	code, out, _ = list.importTo(a)
	require.Equal(t, 1, code)
	require.Contains(t, out, "and changed in the list since")
	require.Equal(t, []string{"B"}, names(a.list("")))
}

func TestImportKeepsToItsJournalAlone(t *testing.T) {
	t.Parallel()
	a := launch(t)
	list := newList(t, "<clients/>")
	code, _, stderr := list.importTo(a)
	require.Zero(t, code, stderr)
	lock := flock.New(list.path + ".imported")
	held, err := lock.TryLock()
	require.NoError(t, err)
	require.True(t, held)
	code, _, stderr = list.importTo(a)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "in use by another import")
	require.NoError(t, lock.Close())

	code, _, stderr = list.importTo(a, "--journal", list.path)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "not the journal of an import")
	content, err := os.ReadFile(list.path)
	require.NoError(t, err)
	require.Equal(t, "<clients/>", string(content))
}

// Refusals come in the order of the list, however many callers there are.
func TestImportTellsInTheOrderOfTheList(t *testing.T) {
	t.Parallel()
	a := launch(t)
	var content, want strings.Builder
	content.WriteString("[\n")
	for n := range 60 {
		if n%3 == 0 {
			fmt.Fprintf(&content, "{\"client\":{\"name\":\"%d\",\"last_invoice_kind\":\"task\"}},\n", n)
			continue
		}
		content.WriteString("{\"client\":{\"name\":\"\"}},\n")
		fmt.Fprintf(&want, "line %d: Name can't be blank.\n", n+2)
	}
	content.WriteString(`{"client":{"name":"last"}}]`)
	code, out, stderr := newList(t, content.String()).importTo(a, "--callers", "16")
	require.Equal(t, 1, code)
	require.Equal(t, want.String(), out)
	require.Contains(t, stderr, "21 created, 0 already imported, 40 rejected\n20 of the created had default-invoice-timeframe or last-invoice-kind")
}

func TestImportOfTheStandardInput(t *testing.T) {
	t.Parallel()
	p := spawn(t, t.TempDir()+"/data")
	command := exec.CommandContext(t.Context(), binaryPath(t), "import", "-", "--url", p.base, "--journal", filepath.Join(t.TempDir(), "journal"))
	command.Stdin = strings.NewReader("\xEF\xBB\xBF[{\"client\":{\"name\":\"Piped\"}}]")
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, []string{"Piped"}, names(p.list("")))
}

func TestImportSettings(t *testing.T) {
	t.Parallel()
	code, _, stderr := runInProcess(t, "import", "-", "--url", "ftp://x", "--login", "ann", "--callers", "0", "--ca", os.DevNull)
	require.Equal(t, 2, code)
	require.Len(t, lines(stderr), 5, stderr)
	for _, url := range []string{"http://ann:secret@x", "http://x/?a=b", "127.0.0.1:8080", "http://"} {
		code, _, stderr = runInProcess(t, "import", "list", "--url", url)
		require.Equal(t, 2, code)
		require.NotContains(t, stderr, "secret")
	}
	code, help, _ := runInProcess(t, "import", "--help")
	require.Zero(t, code)
	for _, word := range []string{"--ca", "https://", "--login", "default-invoice-timeframe"} {
		require.Contains(t, help, word)
	}
}
