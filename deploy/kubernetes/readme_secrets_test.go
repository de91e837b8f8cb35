//go:build kubectl

package kubernetes_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// The README's commands create the Secrets that the overlays use, with all their keys. They run as they stand there, in a
// folder with the files that they name; kubectl prints what it would create.
func TestCommandsOfTheReadmeCreateTheSecrets(t *testing.T) {
	real, err := exec.LookPath("kubectl")
	require.NoError(t, err)
	content, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```sh\n(kubectl apply -f [^`]*)```").FindSubmatch(content)
	require.NotNil(t, block)

	folder := t.TempDir()
	writeCertificates(t, folder, 2)
	logins, err := os.ReadFile("overlays/demo/default.htpasswd")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(folder+"/default.htpasswd", logins, 0o600))
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(root+"/deploy", folder+"/deploy"))
	stub := fmt.Sprintf(`case $* in
*create*) %s "$@" --dry-run=client -o yaml >>created.yaml && echo --- >>created.yaml ;;
*) ls -d "${@: -1}" ;; # apply: the file or folder exists
esac
`, real)
	require.NoError(t, os.MkdirAll(folder+"/bin", 0o700))
	require.NoError(t, os.WriteFile(folder+"/bin/kubectl", []byte("#!/usr/bin/env bash\nset -e\n"+stub), 0o700))
	cmd := exec.Command("bash", "-euc", string(block[1]))
	cmd.Dir, cmd.Env = folder, append(os.Environ(), "PATH="+folder+"/bin:"+os.Getenv("PATH"), "KUBECONFIG=/dev/null")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))

	created := make(map[string]map[string][]byte)
	text, err := os.ReadFile(folder + "/created.yaml")
	require.NoError(t, err)
	for part := range strings.SplitSeq(strings.TrimSuffix(string(text), "---\n"), "---\n") {
		object, _, err := strict(t).Decode([]byte(part), nil, nil)
		require.NoError(t, err, part)
		secret := object.(*corev1.Secret)
		require.Equal(t, "clients", secret.Namespace)
		created[secret.Name] = secret.Data
	}
	for name, keys := range secretKeys(render(t, "production-nats")) {
		for _, key := range keys {
			require.NotEmpty(t, created[name][key], "%s: %s", name, key)
		}
	}
	require.Equal(t, fmt.Sprintf("tls://clients:%s@nats:4222", created["nats-users"]["CLIENTS_PASSWORD"]), string(created["clients-nats"]["url"]))
	require.Equal(t, logins, created["clients-credentials"]["default.htpasswd"])
}
