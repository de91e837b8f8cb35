package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each fault of the folder is a line, and nothing of what a line holds is shown.
func TestCredentialsThatCannotBe(t *testing.T) {
	t.Parallel()
	ann := user(t, "ann:one")
	for _, c := range []struct {
		content files
		faults  []string
	}{
		{files{}, []string{"no <account>.htpasswd file holds a user"}},
		{files{"shop.htpasswd": "# nobody"}, []string{"no <account>.htpasswd file holds a user"}},
		{files{"a.htpasswd": ann, "b.htpasswd": ann}, []string{`user "ann" stands in a.htpasswd and in b.htpasswd`}},
		{files{"Shop.htpasswd": ann, "ok.htpasswd": ann + "bob:secret\neve:$apr1$secret"}, []string{`Shop.htpasswd: "Shop"`, "ok.htpasswd, line 2: ", "ok.htpasswd, line 3: "}},
	} {
		dir := unusedDir(t)
		code, stdout, stderr := serveInProcess(t, dir, "--credentials-dir="+newSecret(t, c.content).dir)
		require.Equal(t, 2, code)
		require.Empty(t, stdout)
		told := lines(stderr)
		require.Len(t, told, len(c.faults), stderr)
		for i, fault := range c.faults {
			require.True(t, strings.HasPrefix(told[i], "error: CLIENTS_CREDENTIALS_DIR: "+fault), told[i])
		}
		require.NotContains(t, stderr, "secret")
		require.NoDirExists(t, dir)
	}
}

func TestWithLoginsTheAPIMayListenAnywhere(t *testing.T) {
	t.Parallel()
	s := newSecret(t, files{"shop.htpasswd": user(t, "ann:one")})
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "README"), []byte("not for the service"), 0o600))
	b := serveInBackground(t, unusedDir(t), "--embedded-nats-addr=127.0.0.1:0", "--credentials-dir="+s.dir, "--http-addr=0.0.0.0:0", "--log-format=text")
	eventually(t, "it is ready", func() bool { return strings.Contains(b.stdout.String(), "Try it:") })
	_, rest, _ := strings.Cut(b.stdout.String(), "API         http://")
	addr, _, _ := strings.Cut(rest, "/clients")
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	a := newCaller(t, "http://127.0.0.1:"+port)
	a.want(401, "GET", "/clients", "")
	require.Empty(t, a.as("ann:one").list(""))
	require.Zero(t, b.end())
}
