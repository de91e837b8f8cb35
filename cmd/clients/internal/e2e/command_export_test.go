package e2e_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// exportOf runs clients export, which succeeds.
func (s *service) exportOf(t *testing.T, args ...string) string {
	t.Helper()
	r := run(t, s.variables, append([]string{"export"}, args...)...)
	require.Zero(t, r.code, r.stderr)
	return r.stdout
}

// A history in JSON is what GET returns, and one in CSV says the same, also of a deleted client.
func TestExportOfAHistory(t *testing.T) {
	t.Parallel()
	s := start(t)
	id, _, _ := lifeOf(s.client, s.partner(t))
	s.create("Another")
	want := s.want(http.StatusOK, http.MethodGet, path(id)+"/history?limit=1000", "", acceptJSON).body
	client := fmt.Sprintf("--client=%d", id)
	require.Equal(t, want+"\n", s.exportOf(t, client, "--history", "--json"))

	file := filepath.Join(t.TempDir(), "history.csv")
	s.exportOf(t, client, "--history", "-o", file)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	got, err := csv.NewReader(strings.NewReader(string(content))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"version", "sequence", "type", "time", "actor", "correlation_id", "causation_id", "attribute", "before", "after"}, got[0])
	var document []struct{ Event historyEvent }
	require.NoError(t, json.Unmarshal([]byte(want), &document))
	cell := func(value any) string {
		if number, is := value.(float64); is {
			return fmt.Sprintf("%.0f", number)
		}
		return strings.TrimPrefix(fmt.Sprint(value), "<nil>")
	}
	rows := make(map[string]bool)
	for _, d := range document {
		e := d.Event
		for name, c := range e.Changes {
			rows[fmt.Sprintf("%q", []string{
				fmt.Sprint(e.Version), fmt.Sprint(e.Sequence), e.Type, e.Time, e.Actor, *e.CorrelationID, *e.CausationID, name, cell(c.Before), cell(c.After),
			})] = true
		}
	}
	require.Len(t, got, 1+len(rows))
	for _, row := range got[1:] {
		require.Contains(t, rows, fmt.Sprintf("%q", row))
	}
}

func TestExportOfAnUnknownClient(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create("SuprCorp")
	file := filepath.Join(t.TempDir(), "history.csv")
	for _, args := range [][]string{{fmt.Sprintf("--client=%d", id+1)}, {fmt.Sprintf("--client=%d", id), "--account=another"}} {
		r := run(t, s.variables, append([]string{"export", "--history", "-o", file}, args...)...)
		require.Equal(t, 1, r.code)
		require.Contains(t, r.stderr, "never had a client")
		require.NoFileExists(t, file)
	}
}

// A list as of a time has each client as GET shows it as of that time.
func TestExportAsOfATime(t *testing.T) {
	t.Parallel()
	s := start(t)
	begun, last, clients := time.Now().UTC(), time.Time{}, 0
	eventually(t, func() bool { // in each round a client begins, one changes and one ends
		id := s.create(fmt.Sprintf("Client %04d", clients))
		clients++
		s.want(http.StatusOK, http.MethodPost, togglePath(id-id/3), "")
		if id%4 == 0 {
			s.want(http.StatusOK, http.MethodDelete, path(id/4), "")
		}
		last = s.get(id).UpdatedAt
		return last.Sub(begun) > 2*time.Second
	}, "two seconds pass")
	for at := begun.Add(-2 * time.Second); !at.After(last); at = at.Add(time.Second) {
		var want []string
		for id := range int64(clients) {
			r := s.do(http.MethodGet, path(id+1)+".json?as_of="+at.Format(time.RFC3339), "")
			if r.status == http.StatusOK {
				want = append(want, r.body)
			}
		}
		require.Equal(t, "["+strings.Join(want, ",")+"]\n", s.exportOf(t, "--json", "--as-of", at.Format(time.DateTime)))
	}
	require.Equal(t, s.want(http.StatusOK, http.MethodGet, "/clients", "").body, s.exportOf(t, "--as-of", last.Format(time.RFC1123Z)))
	require.Equal(t, "[]\n", s.exportOf(t, "--json", "--as-of=0001-01-01"))
	r := run(t, s.variables, "export", "--as-of=2999-01-01")
	require.Equal(t, 1, r.code)
	require.Empty(t, r.stdout)
	require.Contains(t, r.stderr, "future")
}

func TestInvalidExports(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--as-of=yesterday":    "--as-of",
		"--as-of=":             "--as-of",
		"--client=1":           "--client and --history",
		"--history":            "--client and --history",
		"--history --client=0": "--client",
		"--history --client=1 --as-of=2010-09-25": "--as-of",
	} {
		r := run(t, nil, append([]string{"export"}, strings.Fields(args)...)...)
		require.Equal(t, 2, r.code, args)
		require.Contains(t, r.stderr, want, args)
	}
}
