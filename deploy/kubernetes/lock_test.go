package kubernetes_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// No two servers use one volume, not even after a pod was deleted by force: a lock or ReadWriteOncePod prevents it.
func TestStoreHasOneServer(t *testing.T) {
	for _, overlay := range []string{"demo", "production-nats"} {
		set := byName(all[*appsv1.StatefulSet](render(t, overlay)), "nats")
		command, modes := set.Spec.Template.Spec.Containers[0].Command, set.Spec.VolumeClaimTemplates[0].Spec.AccessModes
		if len(command) == 0 {
			require.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}, modes, overlay)
			continue
		}
		require.Equal(t, []string{"/lock", "/data/lock", "/nats-server"}, command)
		require.Contains(t, set.Spec.Template.Spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: "data", MountPath: "/data"})
	}
}
