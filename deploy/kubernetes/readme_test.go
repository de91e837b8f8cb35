package kubernetes_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// The objects that the README's commands name exist, and the administrator has the permissions for the commands.
func TestCommandsOfTheReadmeFitTheDemo(t *testing.T) {
	content, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	readme, objects := string(content), render(t, "demo")
	require.EqualValues(t, 4222, byName(all[*corev1.Service](objects), "nats").Spec.Ports[0].Port)
	require.Contains(t, readme, "CLIENTS_NATS_URL=nats://admin:"+password("admin")+"@127.0.0.1:4222 go run ./cmd/clients backup ./backup")
	for key := range secretOf(t, nil) {
		require.Contains(t, readme, "`"+key+"`", "the README has to name each key of the Secret")
	}
	for _, secret := range outside["production-nats"] {
		require.Contains(t, readme, "`"+secret+"`")
	}

	s := deploy(t, startNATS(t)).server()
	backup := filepath.Join(t.TempDir(), "backup")
	for _, args := range [][]string{{"backup", backup}, {"verify"}, {"events", "--last", "1"}} {
		out, err := run(t, urlFor("admin", s), args...)
		require.NoError(t, err, "%s: %s", strings.Join(args, " "), out)
	}
	to := startNATS(t)
	for _, args := range [][]string{{"restore", backup}, {"verify"}, {"setup", "--sources"}} {
		out, err := run(t, urlFor("admin", to), args...)
		require.NoError(t, err, "%s: %s", strings.Join(args, " "), out)
	}
}

// A subcommand without the permissions that it needs fails at once and names what was refused.
func TestSubcommandsReportMissingPermissions(t *testing.T) {
	s, empty := deploy(t, startNATS(t)).server(), startNATS(t)
	backup := filepath.Join(t.TempDir(), "backup")
	out, err := run(t, urlFor("admin", s), "backup", backup)
	require.NoError(t, err, out)
	for _, c := range []struct {
		at      *server.Server
		user    string
		refused string
		args    []string
	}{
		{s, "clients", `Publish to "$JS.API.STREAM.SNAPSHOT.`, []string{"backup", backup + "2"}},
		{empty, "clients", `Publish to "$JS.API.STREAM.`, []string{"restore", backup}},
		{empty, "clients", `Publish to "$JS.API.STREAM.CREATE.PROJECTS"`, []string{"setup", "--sources"}},
		{s, "projects", "", []string{"backup", backup + "3"}},
		{empty, "projects", "", []string{"restore", backup}},
		{s, "projects", "", []string{"setup"}},
		{s, "projects", "", []string{"verify"}},
		{s, "projects", "", []string{"events"}},
		{s, "projects", "", []string{"export"}},
		{s, "projects", "", []string{"quarantine", "list"}},
	} {
		begun := time.Now()
		out, err := run(t, urlFor(c.user, c.at), c.args...)
		require.Error(t, err, "%s: %s", c.user, c.args)
		require.Contains(t, out, "permission denied by NATS: "+c.refused, "%s: %s", c.user, c.args)
		require.Contains(t, out, "log in as an administrator", "%s: %s", c.user, c.args)
		require.Less(t, time.Since(begun), 10*time.Second, "%s: %s", c.user, c.args)
	}
}
