package kubernetes_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

var passwordKeys = []string{
	"ADMIN_PASSWORD", "SYS_PASSWORD", "CLIENTS_PASSWORD", "CLIENTS2_PASSWORD", "PROJECTS_PASSWORD", "INVOICES_PASSWORD", "SUBSCRIBER_PASSWORD", "BACKUP_PASSWORD", "ROUTE_PASSWORD",
}

func TestEmptyPasswordIsRefusedAtStart(t *testing.T) {
	for _, key := range passwordKeys {
		_, err := readNATS(t, "demo", "nats-0", map[string]string{key: ""})
		require.ErrorContains(t, err, `subject "" is not a valid subject`, key)
	}
}

// The configuration would read these passwords as other types if they were not quoted.
func TestPasswordsAreStrings(t *testing.T) {
	for _, word := range []string{"123456", "-1", "5k", "10s", "true", "yes", "no", "null", "a-b_C9", strings.Repeat("x", 64)} {
		passwords := make(map[string]string)
		for _, key := range passwordKeys {
			passwords[key] = word
		}
		options, err := readNATS(t, "demo", "nats-0", passwords)
		require.NoError(t, err, word)
		require.Len(t, options.Users, len(passwordKeys)-1)
		for _, user := range options.Users {
			require.Equal(t, word, user.Password, user.Username)
		}
		require.Equal(t, word, options.Cluster.Password)
		for _, route := range options.Routes {
			shown, _ := route.User.Password()
			require.Equal(t, word, shown)
		}
	}
}

func TestEachUserHasItsOwnPassword(t *testing.T) {
	s := startNATS(t)
	for _, user := range []string{"admin", "sys", "clients", "clients2", "projects", "invoices", "subscriber", "backup"} {
		connect(t, s, user)
		for _, wrong := range []string{"", "demo", password("admin"), password("route")} {
			if wrong != password(user) {
				_, err := nats.Connect(s.ClientURL(), nats.UserInfo(user, wrong))
				require.ErrorIs(t, err, nats.ErrAuthorization, user)
			}
		}
	}
	_, err := nats.Connect(s.ClientURL())
	require.ErrorIs(t, err, nats.ErrAuthorization)
	_, err = nats.Connect(s.ClientURL(), nats.UserInfo("route", password("route")))
	require.ErrorIs(t, err, nats.ErrAuthorization)
}
