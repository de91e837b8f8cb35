package kubernetes_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// The server runs as the pod starts it, through lock, and receives the signals of preStop and of a reload of certificates.
func TestServerReceivesSignals(t *testing.T) {
	folder := t.TempDir()
	for _, program := range []string{"./lock", "github.com/nats-io/nats-server/v2"} {
		out, err := exec.Command("go", "build", "-C", "..", "-o", folder+"/", program).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	natsServer := filepath.Join(folder, "nats-server")
	config := filepath.Join(folder, "nats.conf")
	old, next := makeCertificates(t, 2), makeCertificates(t, 3)
	text := fmt.Sprintf("tls {\n cert_file: %s/tls.crt\n key_file: %s/tls.key\n}\nlame_duck_grace_period: 1s\n", folder, folder)
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	install(t, old, folder)

	address := freeAddress(t)
	container := byName(all[*appsv1.StatefulSet](render(t, "demo")), "nats").Spec.Template.Spec.Containers[0]
	require.Equal(t, []string{"/nats-server", "--signal", "ldm=1"}, container.Lifecycle.PreStop.Exec.Command)
	cmd := exec.Command(folder+"/lock", folder+"/held", natsServer, "--config", config, "-a", "127.0.0.1", "-p", address[strings.LastIndex(address, ":")+1:])
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	require.Eventually(t, func() bool { return servedSerial(address) == 2 }, 20*time.Second, 20*time.Millisecond)

	install(t, next, folder)
	signal := func(what string) {
		out, err := exec.Command(natsServer, "--signal", fmt.Sprintf("%s=%d", what, cmd.Process.Pid)).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	signal("reload")
	require.Eventually(t, func() bool { return servedSerial(address) == 3 }, 20*time.Second, 20*time.Millisecond)
	signal("ldm")
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		require.Fail(t, "the server still runs")
	}
}

// With the component nats-tls, a server reads a renewed certificate without any command, and is stopped by its process id.
func TestServerReadsRenewedCertificates(t *testing.T) {
	folder := t.TempDir()
	for _, program := range []string{"./reload", "github.com/nats-io/nats-server/v2"} {
		out, err := exec.Command("go", "build", "-C", "..", "-o", folder+"/", program).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	set := byName(all[*appsv1.StatefulSet](render(t, "production-nats")), "nats").Spec.Template.Spec
	require.True(t, *set.ShareProcessNamespace)
	nats, reload := byContainer(set.Containers, "nats"), byContainer(set.Containers, "reload")
	config := configOf(render(t, "production-nats"), byName(all[*appsv1.StatefulSet](render(t, "production-nats")), "nats")).Data["tls.conf"]
	paths := strings.NewReplacer("/etc/nats-tls", folder+"/mounted", "/run/nats/", folder+"/", "/nats-server", folder+"/nats-server")
	require.NoError(t, os.WriteFile(folder+"/nats.conf", []byte(paths.Replace(config)+"lame_duck_grace_period: 1s\n"), 0o600))
	require.NoError(t, os.Mkdir(folder+"/mounted", 0o700))
	mount(t, makeCertificates(t, 2), folder+"/mounted")

	address := freeAddress(t)
	server := exec.Command(folder+"/nats-server", "--config", folder+"/nats.conf", "-a", "127.0.0.1", "-p", address[strings.LastIndex(address, ":")+1:])
	reloader := exec.Command(folder+"/reload", strings.Split(paths.Replace(strings.Join(reload.Args, "\n")), "\n")...)
	ended := make(chan error, 1)
	require.NoError(t, reloader.Start()) // before the server has written its process id
	require.NoError(t, server.Start())
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() { _ = server.Process.Kill(); _ = reloader.Process.Kill(); _ = reloader.Wait() })
	require.Eventually(t, func() bool { return servedSerial(address) == 2 }, 20*time.Second, 20*time.Millisecond)
	mount(t, makeCertificates(t, 3), folder+"/mounted")
	require.Eventually(t, func() bool { return servedSerial(address) == 3 }, 30*time.Second, 20*time.Millisecond)

	stop := nats.Lifecycle.PreStop.Exec.Command
	out, err := exec.Command(paths.Replace(stop[0]), stop[1], paths.Replace(stop[2])).CombinedOutput()
	require.NoError(t, err, string(out))
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		require.Fail(t, "the server still runs")
	}
}

// mount replaces the files of a Secret as a kubelet does: each is a link through ..data to a folder that is replaced at once.
func mount(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, os.Symlink(from, to+"/..data_tmp"))
	require.NoError(t, os.Rename(to+"/..data_tmp", to+"/..data"))
	for _, name := range []string{"tls.crt", "tls.key", "ca.crt"} {
		if _, err := os.Lstat(to + "/" + name); err != nil {
			require.NoError(t, os.Symlink("..data/"+name, to+"/"+name))
		}
	}
}

func byContainer(containers []corev1.Container, name string) corev1.Container {
	return containers[slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == name })]
}

func install(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range []string{"tls.crt", "tls.key"} {
		content, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(to, name), content, 0o600))
	}
}

// servedSerial returns the serial number of the certificate that a server presents, or zero without one. A NATS server sends
// a line of plain text before the handshake.
func servedSerial(address string) int64 {
	plain, err := net.Dial("tcp", address)
	if err != nil {
		return 0
	}
	defer plain.Close()
	_ = plain.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := bufio.NewReader(plain).ReadString('\n'); err != nil {
		return 0
	}
	conn := tls.Client(plain, &tls.Config{InsecureSkipVerify: true})
	if conn.Handshake() != nil {
		return 0
	}
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}
