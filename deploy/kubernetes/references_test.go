package kubernetes_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Every port that an object refers to exists: the API server does not check such references.
func TestReferencedPortsExist(t *testing.T) {
	eachOverlay(t, func(t *testing.T, objects []runtime.Object) {
		checked := 0
		for _, w := range workloads(objects) {
			for _, c := range w.template.Spec.Containers {
				for _, probe := range []*corev1.Probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
					if probe != nil {
						require.True(t, hasPort(objects, w.name, probe.HTTPGet.Port), "probe of %s: %s", w.name, &probe.HTTPGet.Port)
						checked++
					}
				}
			}
		}
		for _, s := range all[*corev1.Service](objects) {
			for _, port := range s.Spec.Ports {
				for _, owner := range selected(t, objects, metav1.LabelSelector{MatchLabels: s.Spec.Selector}) {
					require.True(t, hasPort(objects, owner, port.TargetPort), "Service %s: %s", s.Name, &port.TargetPort)
					checked++
				}
			}
		}
		for _, policy := range all[*networkingv1.NetworkPolicy](objects) {
			for _, owner := range selected(t, objects, policy.Spec.PodSelector) {
				for _, rule := range policy.Spec.Ingress {
					require.NotEmpty(t, rule.Ports, "a rule without ports allows all")
					for _, port := range rule.Ports {
						require.True(t, hasPort(objects, owner, *port.Port), "NetworkPolicy %s: %s", policy.Name, port.Port)
						checked++
					}
				}
			}
		}
		require.Greater(t, checked, 6)
	})
}

// selected returns the names of the workloads whose pods a selector matches, at least one.
func selected(t *testing.T, objects []runtime.Object, by metav1.LabelSelector) (names []string) {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(&by)
	require.NoError(t, err)
	for _, w := range workloads(objects) {
		if selector.Matches(labels.Set(w.template.Labels)) {
			names = append(names, w.name)
		}
	}
	require.NotEmpty(t, names, selector)
	return names
}

// hasPort reports whether a workload has a port with a name or number.
func hasPort(objects []runtime.Object, owner string, to intstr.IntOrString) bool {
	for _, w := range workloads(objects) {
		for _, c := range w.template.Spec.Containers {
			for _, port := range c.Ports {
				if w.name == owner && (port.Name == to.StrVal && port.Name != "" || port.ContainerPort == to.IntVal) {
					return true
				}
			}
		}
	}
	return false
}

// An overlay has either the field replicas or the autoscaler. With both, each apply would reset what the autoscaler set.
func TestReplicasAreSetOnce(t *testing.T) {
	for overlay, scaled := range map[string]bool{"base": false, "demo": false, "production": true, "production-nats": true} {
		objects := render(t, overlay)
		deployment := byName(all[*appsv1.Deployment](objects), "clients")
		scalers := all[*autoscalingv2.HorizontalPodAutoscaler](objects)
		if !scaled {
			require.Empty(t, scalers, overlay)
			require.EqualValues(t, 3, *deployment.Spec.Replicas, overlay)
			continue
		}
		require.Len(t, scalers, 1, overlay)
		require.Nil(t, deployment.Spec.Replicas, overlay)
		target := scalers[0].Spec.ScaleTargetRef
		require.Equal(t, "apps/v1 Deployment clients", target.APIVersion+" "+target.Kind+" "+target.Name, overlay)
		require.EqualValues(t, 3, *scalers[0].Spec.MinReplicas, overlay)
	}
}

// The routes use the names of a headless Service that publishes servers before they are ready.
func TestServersHaveNames(t *testing.T) {
	for _, overlay := range []string{"demo", "production-nats"} {
		objects := render(t, overlay)
		set := byName(all[*appsv1.StatefulSet](objects), "nats")
		service := byName(all[*corev1.Service](objects), set.Spec.ServiceName)
		require.NotNil(t, service, set.Spec.ServiceName)
		require.Equal(t, corev1.ClusterIPNone, service.Spec.ClusterIP)
		require.True(t, service.Spec.PublishNotReadyAddresses)
		require.Equal(t, []string{set.Name}, selected(t, objects, metav1.LabelSelector{MatchLabels: service.Spec.Selector}))
		for i, route := range natsOptions(t, overlay, "nats-0").Routes {
			require.Equal(t, fmt.Sprintf("%s-%d.%s:6222", set.Name, i, service.Name), route.Host)
		}
		require.EqualValues(t, 3, *set.Spec.Replicas)
	}
}
