package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// example is an example of a subscriber, in one of the languages of cmd/example-subscriber, with a copy of its own.
type example struct {
	t       *testing.T
	s       *service
	command []string // with flags
	copy    string
}

// run runs the example until it has read everything, and returns its output.
func (x *example) run() (string, error) {
	x.t.Helper()
	return external(x.t, x.command[0], append(x.command[1:], "--once")...)
}

// requireExact runs the example, requires that its copy is what GET returns, and returns the output.
func (x *example) requireExact() string {
	x.t.Helper()
	out, err := x.run()
	require.NoError(x.t, err, out)
	content, err := os.ReadFile(x.copy)
	require.NoError(x.t, err)
	var got struct{ Clients map[string]map[string]any }
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	require.NoError(x.t, decoder.Decode(&got))
	want := make(map[string]map[string]any)
	for _, client := range x.s.kitClients() {
		want[fmt.Sprint(client["id"])] = client
	}
	require.Equal(x.t, want, got.Clients, out)
	return out
}

// requireExample runs an example with and without logins.
func requireExample(t *testing.T, command ...string) {
	t.Helper()
	t.Run("without logins", func(t *testing.T) {
		t.Parallel()
		s := start(t)
		followExample(t, s, "default", append(command, "--api", s.base, "--nats-url", s.nats)...)
	})
	t.Run("with logins", func(t *testing.T) {
		t.Parallel()
		const user, password = "ann@example.com", "s%same/@"
		s := start(t, "CLIENTS_CREDENTIALS_DIR="+credentials(t, bcrypt.MinCost, user+":"+password))
		s.client = s.as(user + ":" + password)
		login := url.UserPassword(user, password).String()
		followExample(t, s, "shop", append(command, "--account", "shop", "--api", strings.Replace(s.base, "://", "://"+login+"@", 1),
			"--nats-url", strings.Replace(s.nats, "://", "://partner:"+s.dataFile(t, "partner-password")+"@", 1))...)
	})
}

// followExample runs an example through everything that a subscriber has to expect.
func followExample(t *testing.T, s *service, account string, command ...string) {
	t.Helper()
	x := &example{t: t, s: s, copy: filepath.Join(t.TempDir(), "copy.json")}
	x.command = append(command, "--copy", x.copy)
	js := s.administrator(t)
	id, erased := s.createFrom(whole), s.create("Confidential")
	require.Contains(t, x.requireExact(), "list up to 2")

	second := s.createFrom("<name>Zoë &lt;\u2028\U0001F600&gt;</name><highrise-id>9223372036854775807</highrise-id>")
	s.update(id, "<name>Renamed</name><highrise-id></highrise-id><details></details>")
	s.want(http.StatusOK, "POST", togglePath(id), "")
	publishEvent(t, js, "invoices."+account+".1", "invoices.v1.InvoiceCreated", fmt.Sprintf(`{"id":1,"client_id":%d,"kind":"task"}`, second))
	s.want(http.StatusBadRequest, "DELETE", path(second), "") // returns when the invoice has been read
	publish(t, js, message(fmt.Sprintf("clients.%s.%d", account, id), "foreign"))
	publish(t, js, clientEvent(account, "Updated", id, 2, `"name":"a version that it has"`))
	s.update(id, "<details>x</details>")
	data := fmt.Sprintf("{ \"id\": %d,\n\t\"details\": null, \"highrise_id\" : -9007199254740993 }", id) // stored by another program
	publish(t, js, envelope(fmt.Sprintf("clients.%s.%d", account, id), "clients.v1.ClientUpdated", id, int(s.get(id).CacheVersion)+2, data))
	s.want(http.StatusOK, "DELETE", path(erased), "")
	require.NotContains(t, x.requireExact(), "list up to", "it resumes")
	require.Empty(t, strings.TrimSpace(x.requireExact()), "there is nothing new")

	// It is killed while it follows, again and again.
	for range 3 {
		running := exec.CommandContext(t.Context(), x.command[0], x.command[1:]...)
		running.Env = environment(t.TempDir(), nil)
		require.NoError(t, running.Start())
		deadline := time.Now().Add(time.Second)
		for i := 0; time.Now().Before(deadline); i++ {
			s.update(id, fmt.Sprintf("<details>%d at %s</details>", i, deadline))
		}
		require.NoError(t, running.Process.Kill())
		_ = running.Wait()
		require.NotContains(t, x.requireExact(), "list up to")
	}

	s.printedEpoch(t, "--new")
	require.Regexp(t, `(?s)starting over.*list up to`, x.requireExact(), "the operator began another history")
	s.update(id, "<name>Again</name>")
	x.requireExact()
	x.alter(func(copy map[string]any) { copy["id"] = "01939a6e-7b1c-7000-8000-000000000001" })
	require.Contains(t, x.requireExact(), "starting over", "another message is at its position")
	x.alter(func(copy map[string]any) { copy["sequence"] = 999999 })
	require.Contains(t, x.requireExact(), "starting over", "the stream ends before its position")

	x.alter(func(copy map[string]any) { // it missed the deletion
		copy["clients"].(map[string]any)[fmt.Sprint(erased)] = map[string]any{"id": erased, "name": "Confidential", "cache_version": 0}
	})
	publish(t, js, clientEvent(account, "Erased", erased, 3, `"erased":[2,9]`))
	x.requireExact()
	content, err := os.ReadFile(x.copy)
	require.NoError(t, err)
	require.NotContains(t, string(content), "Confidential")

	for problem, event := range map[string]func(next int) *nats.Msg{
		"a wrong checksum": func(next int) *nats.Msg {
			m := clientEvent(account, "Updated", id, next, `"name":"damaged"`)
			m.Header.Set("ce-checksum", "0123456789abcdef")
			return m
		},
		"a version is left out":       func(next int) *nats.Msg { return clientEvent(account, "Toggled", id, next+1, `"active":true`) },
		"an event of a newer release": func(next int) *nats.Msg { return clientEvent(account, "Merged", id, next, "") },
	} {
		s.update(id, "<details>"+problem+"</details>")
		sequence := publish(t, js, event(int(s.get(id).CacheVersion)+2))
		for range 2 {
			out, err := x.run()
			require.Error(t, err, "%s: %s", problem, out)
		}
		eventually(t, func() bool { return !s.ready() }, "the service stops there, too")
		require.Zero(t, s.skip(sequence).code)
		eventually(t, s.ready, "it is skipped")
		x.requireExact()
	}
}

// alter changes the file of the copy.
func (x *example) alter(change func(copy map[string]any)) {
	x.t.Helper()
	content, err := os.ReadFile(x.copy)
	require.NoError(x.t, err)
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var copy map[string]any
	require.NoError(x.t, decoder.Decode(&copy))
	change(copy)
	require.NoError(x.t, os.WriteFile(x.copy, []byte(jsonOf(x.t, copy)), 0o600))
}

func TestTheExampleInGo(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "example-subscriber")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "clients/cmd/example-subscriber").CombinedOutput()
	require.NoError(t, err, "%s", out)
	requireExample(t, program)
}
