package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExportWritesWhatGETAnswers(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for n := range 3 {
		a.create(fmt.Sprintf("<name>Client %d &amp; Söhne</name><details>two\nlines</details>", 3-n))
	}
	a.want(200, "DELETE", "/clients/2", "")
	for flag, accept := range map[string]string{"--json": acceptJSON, "--no-json": acceptXML} {
		want := a.want(200, "GET", "/clients", "", accept).body
		args := []string{"export", "--nats-url", a.natsURL()}
		if flag == "--json" {
			args = append(args, flag)
		}
		code, out, stderr := runInProcess(t, args...)
		require.Zero(t, code, stderr)
		require.Equal(t, want, out)
		require.Contains(t, stderr, "2 clients, as of sequence 4.")
	}
	file := filepath.Join(t.TempDir(), "list.xml")
	code, _, _ := runInProcess(t, "export", "--nats-url", a.natsURL(), "-o", file)
	require.Zero(t, code)
	code, _, _ = runInProcess(t, "export", "--nats-url", a.natsURL(), "-o", file)
	require.Equal(t, 1, code, "a file that is there is not written over")
}

// What one service exports, another one imports, in either format: the same clients, but for ids and times.
func TestImportMakesWhatExportWrites(t *testing.T) {
	t.Parallel()
	from := launch(t)
	from.create("<name>SuprCorp</name><highrise-id>4</highrise-id><currency>Euro - EUR</currency><currency-symbol>E</currency-symbol><details>a &lt;b&gt;\n</details><active>false</active>")
	from.create("<name>Zweite &amp; Söhne</name>")
	for _, flags := range [][]string{nil, {"--json"}} {
		list := filepath.Join(t.TempDir(), "list")
		code, _, stderr := runInProcess(t, append([]string{"export", "--nats-url", from.natsURL(), "-o", list}, flags...)...)
		require.Zero(t, code, stderr)
		to := launch(t)
		code, out, stderr := runInProcess(t, "import", list, "--url", to.base)
		require.Zero(t, code, stderr)
		require.Empty(t, out)
		require.Contains(t, stderr, "2 clients made, 0 were there from before, 0 refused.")
		want, got := from.list(""), to.list("")
		require.Len(t, got, 2)
		for i := range want {
			want[i].ID, want[i].CreatedAt, want[i].UpdatedAt, want[i].CacheVersion = got[i].ID, got[i].CreatedAt, got[i].UpdatedAt, got[i].CacheVersion
		}
		require.Equal(t, want, got)
	}
}

// What is valid is kept, and the rest told by its line; a second import makes nothing twice, with its journal or without.
func TestImportGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	a := launch(t)
	list := filepath.Join(t.TempDir(), "list.xml")
	content := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clients type=\"array\">\n  <client>\n    <id>40</id>\n    <name>First</name>\n  </client>\n" +
		"  <client><id>41</id><name> </name></client>\n  <client><id>42</id><name>Third</name></client>\n</clients>\n"
	require.NoError(t, os.WriteFile(list, []byte(content), 0o600))
	for attempt, told := range []string{
		"2 clients made, 0 were there from before, 1 refused.",
		"0 clients made, 2 were there from before, 1 refused.",
		"2 clients made, 0 were there from before, 1 refused.", // by its account, since its journal is gone
	} {
		code, out, stderr := runInProcess(t, "import", list, "--url", a.base)
		require.Equal(t, 1, code)
		require.Equal(t, "line 7: Name can't be blank.\n", out)
		require.Contains(t, stderr, told)
		require.Equal(t, []string{"First", "Third"}, names(a.list("")))
		journal, err := os.ReadFile(list + ".imported")
		require.NoError(t, err)
		lines := strings.Split(strings.TrimSpace(string(journal)), "\n")
		require.Len(t, lines, 3)
		ids := make(map[int64]int64)
		for _, text := range lines[1:] {
			var line journalLine
			require.NoError(t, json.Unmarshal([]byte(text), &line))
			ids[line.OldID] = line.ID
		}
		require.Equal(t, "First", a.get(ids[40]).Name)
		require.Equal(t, "Third", a.get(ids[42]).Name)
		if attempt == 1 {
			require.NoError(t, os.Remove(list+".imported"))
		}
	}
	require.NoError(t, os.WriteFile(list, []byte(content+"\n"), 0o600))
	code, _, stderr := runInProcess(t, "import", list, "--url", a.base)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "it is not of this list")
}

func TestImportTellsWhatIsNoList(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for content, told := range map[string]string{
		"":                                  "it is empty",
		"id,name":                           "it begins neither with",
		"<client><name>One</name></client>": "its root is <client>",
		"<clients><client><name>Kept</name></client><project/>":         "there is a <project>",
		"<clients><client><name>Cut</name></client><client><name>Rest ": "unexpected EOF",
		`[{"client":{"name":"JSON"}}, {"client":`:                       "unexpected EOF",
	} {
		list := filepath.Join(t.TempDir(), "list")
		require.NoError(t, os.WriteFile(list, []byte(content), 0o600))
		code, _, stderr := runInProcess(t, "import", list, "--url", a.base)
		require.Equal(t, 1, code)
		require.Contains(t, stderr, "the list cannot be read", content)
		require.Contains(t, stderr, told, content)
	}
	require.ElementsMatch(t, []string{"Kept", "Cut", "JSON"}, names(a.list("")), "what comes before is kept")
	code, _, stderr := runInProcess(t, "import", "nowhere", "--url", "ftp://x", "--login", "ann", "--callers", "0")
	require.Equal(t, 2, code)
	require.Equal(t, 3, strings.Count(stderr, "\n"), stderr)
}
