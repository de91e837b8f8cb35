package kubernetes_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// The component api-tls makes the API serve HTTPS by a Secret, behind the port of HTTPS alone.
func TestComponentServesHTTPS(t *testing.T) {
	objects := renderWith(t, "components/api-tls")
	pod := byName(all[*appsv1.Deployment](objects), "clients").Spec.Template.Spec
	env := environment(pod.Containers[0])
	for _, mount := range pod.Containers[0].VolumeMounts {
		if mount.Name == "api-tls" {
			require.Equal(t, mount.MountPath+"/tls.crt", env["CLIENTS_TLS_CERT"])
			require.Equal(t, mount.MountPath+"/tls.key", env["CLIENTS_TLS_KEY"])
		}
	}
	secret := pod.Volumes[len(pod.Volumes)-1].Secret
	require.Equal(t, "clients-tls", secret.SecretName)
	ports := byName(all[*corev1.Service](objects), "clients").Spec.Ports
	require.Len(t, ports, 1)
	require.EqualValues(t, 443, ports[0].Port)
	require.EqualValues(t, 8081, byName(all[*corev1.Service](objects), "clients-operations").Spec.Ports[0].Port)
}

// The certificates of the examples are for the Secrets that the components use, and for the names that are verified.
func TestExampleCertificatesFit(t *testing.T) {
	content, err := os.ReadFile("examples/certificates.yaml")
	require.NoError(t, err)
	found := make(map[string]map[string]any)
	for part := range strings.SplitSeq(string(content), "\n---\n") {
		var object struct {
			APIVersion, Kind string
			Metadata         struct{ Name, Namespace string }
			Spec             map[string]any
		}
		require.NoError(t, yaml.UnmarshalStrict([]byte(part), &object))
		require.Equal(t, "cert-manager.io/v1 Certificate clients", object.APIVersion+" "+object.Kind+" "+object.Metadata.Namespace)
		found[object.Spec["secretName"].(string)] = object.Spec
	}
	require.Len(t, found, 2)
	require.Equal(t, []any{"nats", "nats.clients.svc", "*.nats-cluster"}, found["nats-tls"]["dnsNames"], "as in certificates_test.go")
	require.Equal(t, []any{"server auth", "client auth"}, found["nats-tls"]["usages"])
	require.Contains(t, found["clients-tls"]["dnsNames"], "clients.clients.svc")
}
