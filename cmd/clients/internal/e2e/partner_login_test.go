package e2e_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// dataFile returns the content of a file of the data directory.
func (s *service) dataFile(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(s.dataDir, name))
	require.NoError(t, err)
	return string(content)
}

// login is a user's login to the embedded server.
func (s *service) login(t *testing.T, user string) nats.Option {
	t.Helper()
	return nats.UserInfo(user, s.dataFile(t, user+"-password"))
}

func TestWhoMayConnectToTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		setting            string
		anonymous, partner bool
	}{
		"without logins": {"CLIENTS_LOG_LEVEL=warn", true, true},
		"with logins":    {"CLIENTS_CREDENTIALS_DIR=" + credentials(t, bcrypt.MinCost, "ann:sesame"), false, true},
		"off":            {"CLIENTS_EMBEDDED_NATS_ADDR=off", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, test.setting)
			require.Equal(t, s.nats, "nats://"+s.dataFile(t, "nats-address"))
			for _, file := range []string{"nats-address", "admin-password", "partner-password"} {
				info, err := os.Stat(filepath.Join(s.dataDir, file))
				require.NoError(t, err)
				require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
			}
			for _, login := range []struct {
				allowed bool
				option  nats.Option
			}{
				{test.anonymous, nats.Name("anonymous")},
				{test.partner, s.login(t, "partner")},
				{true, s.login(t, "admin")},
				{false, nats.UserInfo("admin", s.dataFile(t, "partner-password"))},
				{false, nats.UserInfo("partner", "")}, {false, nats.UserInfo("admin", "")}, {false, nats.UserInfo("clients", "")}, {false, nats.Token("x")},
			} {
				nc, err := nats.Connect(s.nats, login.option)
				if !login.allowed {
					require.ErrorIs(t, err, nats.ErrAuthorization)
					continue
				}
				require.NoError(t, err)
				nc.Close()
			}
		})
	}
}

func TestPasswordsOfTheEmbeddedServerAreKept(t *testing.T) {
	t.Parallel()
	s := start(t)
	admin, partner := s.dataFile(t, "admin-password"), s.dataFile(t, "partner-password")
	require.Greater(t, len(admin), 20)
	require.NotEqual(t, admin, partner)
	s.kill()
	require.NoError(t, os.Chmod(filepath.Join(s.dataDir, "admin-password"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(s.dataDir, "partner-password"), nil, 0o600)) // as a full disk could have left it
	s = s.restart(t)
	require.Equal(t, admin, s.dataFile(t, "admin-password"))
	info, err := os.Stat(filepath.Join(s.dataDir, "admin-password"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NotEmpty(t, s.dataFile(t, "partner-password"))
	require.Zero(t, s.stop(t))
	require.NoFileExists(t, filepath.Join(s.dataDir, "nats-address"))
}

// Connections of partners, and those that never log in, leave room for the service and its administrator.
func TestConnectionsToTheEmbeddedServerAreLimited(t *testing.T) {
	t.Parallel()
	s := start(t)
	var open int
	for range 50 {
		nc, err := nats.Connect(s.nats)
		if err != nil {
			require.ErrorContains(t, err, "maximum account active connections exceeded")
			continue
		}
		open++
		t.Cleanup(nc.Close)
	}
	require.Equal(t, 32, open)
	require.Zero(t, run(t, []string{"CLIENTS_DATA_DIR=" + s.dataDir}, "events").code)
	for range 200 {
		conn, err := net.Dial("tcp", s.dataFile(t, "nats-address"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
	s.create("SuprCorp")
	require.Zero(t, run(t, []string{"CLIENTS_DATA_DIR=" + s.dataDir}, "events").code, "after those that do not log in have been closed")
	require.Zero(t, s.stop(t))
	require.LessOrEqual(t, strings.Count(s.stderr.String(), "nats"), 30, "in the log")
}
