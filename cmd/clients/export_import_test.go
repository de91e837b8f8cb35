package main

import (
	"fmt"
	"path/filepath"
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
		args := []string{"export", "--nats-url", a.adminURL()}
		if flag == "--json" {
			args = append(args, flag)
		}
		code, out, stderr := runInProcess(t, args...)
		require.Zero(t, code, stderr)
		require.Equal(t, want, out)
		require.Contains(t, stderr, "2 clients, as of sequence 4.")
	}
	file := filepath.Join(t.TempDir(), "list.xml")
	code, _, _ := runInProcess(t, "export", "--nats-url", a.adminURL(), "-o", file)
	require.Zero(t, code)
	code, _, _ = runInProcess(t, "export", "--nats-url", a.adminURL(), "-o", file)
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
		code, _, stderr := runInProcess(t, append([]string{"export", "--nats-url", from.adminURL(), "-o", list}, flags...)...)
		require.Zero(t, code, stderr)
		to := launch(t)
		code, out, stderr := runInProcess(t, "import", list, "--url", to.base)
		require.Zero(t, code, stderr)
		require.Empty(t, out)
		require.Contains(t, stderr, "2 created, 0 already imported, 0 rejected")
		want, got := from.list(""), to.list("")
		require.Len(t, got, 2)
		for i := range want {
			want[i].ID, want[i].CreatedAt, want[i].UpdatedAt, want[i].CacheVersion = got[i].ID, got[i].CreatedAt, got[i].UpdatedAt, got[i].CacheVersion
		}
		require.Equal(t, want, got)
	}
}
