package kubernetes_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// The component api-tls makes the API serve HTTPS by a Secret, behind the port of HTTPS alone.
func TestComponentServesHTTPS(t *testing.T) {
	objects := render(t, "components")
	pod := byName(all[*appsv1.Deployment](objects), "clients").Spec.Template.Spec
	env := environment(pod.Containers[0])
	for _, mount := range pod.Containers[0].VolumeMounts {
		if mount.Name == "api-tls" {
			require.Equal(t, mount.MountPath+"/tls.crt", env["CLIENTS_TLS_CERT"])
			require.Equal(t, mount.MountPath+"/tls.key", env["CLIENTS_TLS_KEY"])
		}
	}
	require.Contains(t, secretKeys(objects), "clients-tls")
	ports := byName(all[*corev1.Service](objects), "clients").Spec.Ports
	require.Len(t, ports, 1)
	require.EqualValues(t, 443, ports[0].Port)
	require.EqualValues(t, 8081, byName(all[*corev1.Service](objects), "clients-operations").Spec.Ports[0].Port)
}
