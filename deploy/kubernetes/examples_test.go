package kubernetes_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

// custom is an object of a kind that Kubernetes itself does not have.
type custom struct {
	APIVersion, Kind string
	Metadata         struct{ Name, Namespace string }
	Spec             map[string]any
}

// customs reads an example. All objects are of one kind, in the namespace of the overlay.
func customs(t *testing.T, file, kind string) (objects []custom) {
	t.Helper()
	content, err := os.ReadFile("examples/" + file)
	require.NoError(t, err)
	for part := range strings.SplitSeq(string(content), "\n---\n") {
		var object custom
		require.NoError(t, yaml.UnmarshalStrict([]byte(part), &object))
		require.Equal(t, kind, object.APIVersion+" "+object.Kind)
		require.Equal(t, "clients", object.Metadata.Namespace)
		objects = append(objects, object)
	}
	return objects
}

// The certificates of the examples are for the Secrets that the components use, and for the names that are verified.
func TestExampleCertificatesFit(t *testing.T) {
	found := make(map[any]custom)
	for _, certificate := range customs(t, "certificates.yaml", "cert-manager.io/v1 Certificate") {
		require.Contains(t, secretKeys(render(t, "components")), certificate.Spec["secretName"])
		found[certificate.Spec["secretName"]] = certificate
	}
	require.Len(t, found, 2)
	require.Equal(t, []any{"nats", "nats.clients.svc", "*.nats-cluster"}, found["nats-tls"].Spec["dnsNames"], "as in certificates_test.go")
	require.Equal(t, []any{"server auth", "client auth"}, found["nats-tls"].Spec["usages"])
	require.Contains(t, found["clients-tls"].Spec["dnsNames"], "clients.clients.svc")
}

// The external Secrets of the examples have every key that the pods use.
func TestExampleSecretsAreComplete(t *testing.T) {
	has := make(map[string][]any)
	for _, external := range customs(t, "externalsecrets.yaml", "external-secrets.io/v1 ExternalSecret") {
		target := external.Spec["target"].(map[string]any)
		name := target["name"].(string)
		if template, isMade := target["template"].(map[string]any); isMade {
			for key := range template["data"].(map[string]any) {
				has[name] = append(has[name], key)
			}
			continue
		}
		for _, entry := range external.Spec["data"].([]any) {
			has[name] = append(has[name], entry.(map[string]any)["secretKey"])
		}
	}
	for name, keys := range secretKeys(render(t, "production-nats")) {
		for _, key := range keys {
			if name != "nats-tls" {
				require.Contains(t, has[name], key, name)
			}
		}
	}
	require.Contains(t, has["clients-credentials"], "default.htpasswd")
}

// The routes of the examples lead to a port of the Service.
func TestExampleRoutesLeadToTheService(t *testing.T) {
	port := byName(all[*corev1.Service](render(t, "production")), "clients").Spec.Ports[0]
	backend := all[*networkingv1.Ingress](render(t, "examples"))[0].Spec.Rules[0].HTTP.Paths[0].Backend.Service
	require.Equal(t, "clients "+port.Name, backend.Name+" "+backend.Port.Name)
	rule := customs(t, "httproute.yaml", "gateway.networking.k8s.io/v1 HTTPRoute")[0].Spec["rules"].([]any)[0].(map[string]any)
	require.Equal(t, []any{map[string]any{"name": "clients", "port": float64(port.Port)}}, rule["backendRefs"])
}
