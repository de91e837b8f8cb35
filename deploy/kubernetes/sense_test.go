package kubernetes_test

import (
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// workload is a pod template and its owner.
type workload struct {
	name     string
	template corev1.PodTemplateSpec
	selector *metav1.LabelSelector
}

func workloads(objects []runtime.Object) (found []workload) {
	for _, d := range all[*appsv1.Deployment](objects) {
		found = append(found, workload{d.Name, d.Spec.Template, d.Spec.Selector})
	}
	for _, s := range all[*appsv1.StatefulSet](objects) {
		found = append(found, workload{s.Name, s.Spec.Template, s.Spec.Selector})
	}
	for _, j := range all[*batchv1.Job](objects) {
		found = append(found, workload{j.Name, j.Spec.Template, nil})
	}
	for _, j := range all[*batchv1.CronJob](objects) {
		found = append(found, workload{j.Name, j.Spec.JobTemplate.Spec.Template, nil})
	}
	return found
}

func eachOverlay(t *testing.T, check func(t *testing.T, objects []runtime.Object)) {
	for _, overlay := range overlays {
		t.Run(overlay, func(t *testing.T) { check(t, render(t, overlay)) })
	}
}

// Pods comply with the Pod Security Standard "restricted" and have a read-only root file system.
func TestPodsAreRestricted(t *testing.T) {
	eachOverlay(t, func(t *testing.T, objects []runtime.Object) {
		for _, w := range workloads(objects) {
			pod := w.template.Spec
			require.False(t, *pod.AutomountServiceAccountToken, w.name)
			require.True(t, *pod.SecurityContext.RunAsNonRoot, w.name)
			require.Positive(t, *pod.SecurityContext.RunAsUser, w.name)
			require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type, w.name)
			require.False(t, pod.HostNetwork || pod.HostPID || pod.HostIPC, w.name)
			for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
				require.False(t, *c.SecurityContext.AllowPrivilegeEscalation, w.name)
				require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem, w.name)
				require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop, w.name)
				require.Empty(t, c.SecurityContext.Capabilities.Add, w.name)
				require.False(t, c.Resources.Limits.Memory().IsZero(), w.name)
				require.False(t, c.Resources.Requests.Cpu().IsZero(), w.name)
			}
		}
		for _, n := range all[*corev1.Namespace](objects) {
			require.Equal(t, "restricted", n.Labels["pod-security.kubernetes.io/enforce"])
		}
	})
}

func TestGoSettingsFitTheLimits(t *testing.T) {
	eachOverlay(t, func(t *testing.T, objects []runtime.Object) {
		for _, w := range workloads(objects) {
			for _, c := range w.template.Spec.Containers {
				env := environment(c)
				mebibytes, err := strconv.Atoi(strings.TrimSuffix(env["GOMEMLIMIT"], "MiB"))
				require.NoError(t, err)
				require.InDelta(t, 0.9, float64(mebibytes<<20)/float64(c.Resources.Limits.Memory().Value()), 0.03, w.name)
				require.Equal(t, c.Resources.Limits.Cpu().String(), env["GOMAXPROCS"], w.name)
			}
		}
	})
}

// Everything that the pods of the service log is JSON, also what setup logs before the service starts.
func TestLogsAreJSON(t *testing.T) {
	eachOverlay(t, func(t *testing.T, objects []runtime.Object) {
		for _, d := range all[*appsv1.Deployment](objects) {
			pod := d.Spec.Template.Spec
			for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
				require.Equal(t, "json", environment(c)["CLIENTS_LOG_FORMAT"], c.Name)
			}
		}
	})
}

func environment(c corev1.Container) map[string]string {
	env := make(map[string]string)
	for _, variable := range c.Env {
		env[variable.Name] = variable.Value
	}
	return env
}

func TestGracePeriodCoversTheShutdown(t *testing.T) {
	eachOverlay(t, func(t *testing.T, objects []runtime.Object) {
		for _, d := range all[*appsv1.Deployment](objects) {
			delay, err := time.ParseDuration(environment(d.Spec.Template.Spec.Containers[0])["CLIENTS_SHUTDOWN_DELAY"])
			require.NoError(t, err)
			require.Positive(t, delay)
			require.Greater(t, *d.Spec.Template.Spec.TerminationGracePeriodSeconds, int64((delay + 25*time.Second).Seconds()))
			require.Zero(t, d.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue())
		}
	})
}

// Each selector matches the pods of exactly one owner.
func TestSelectorsMatchTheirPods(t *testing.T) {
	eachOverlay(t, func(t *testing.T, objects []runtime.Object) {
		owners := func(selector labels.Selector) (names []string) {
			for _, w := range workloads(objects) {
				if selector.Matches(labels.Set(w.template.Labels)) {
					names = append(names, w.name)
				}
			}
			return names
		}
		for _, w := range workloads(objects) {
			if w.selector != nil {
				selector, err := metav1.LabelSelectorAsSelector(w.selector)
				require.NoError(t, err)
				require.Equal(t, []string{w.name}, owners(selector))
			}
		}
		for _, s := range all[*corev1.Service](objects) {
			found := owners(labels.SelectorFromSet(s.Spec.Selector))
			require.Len(t, found, 1, s.Name)
			require.True(t, strings.HasPrefix(s.Name, found[0]), s.Name)
		}
		for _, budget := range all[*policyv1.PodDisruptionBudget](objects) {
			selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
			require.NoError(t, err)
			require.Equal(t, []string{budget.Name}, owners(selector))
			require.Equal(t, 1, budget.Spec.MaxUnavailable.IntValue())
		}
	})
}

// outside lists the Secrets that an operator creates before applying an overlay, as the README says.
var outside = map[string][]string{
	"production":      {"clients-credentials", "clients-nats"},
	"production-nats": {"clients-credentials", "clients-nats", "clients-backup", "nats-users", "nats-tls"},
	"components":      {"clients-credentials", "clients-nats", "clients-backup", "nats-users", "nats-tls", "clients-tls"},
}

func TestReferencedSecretsExist(t *testing.T) {
	for _, overlay := range overlays {
		objects := render(t, overlay)
		there := make(map[string]bool)
		for _, name := range outside[overlay] {
			there[name] = true
		}
		for _, s := range all[*corev1.Secret](objects) {
			there[s.Name] = true
		}
		for _, m := range all[*corev1.ConfigMap](objects) {
			there[m.Name] = true
		}
		for _, w := range workloads(objects) {
			for _, v := range w.template.Spec.Volumes {
				if v.Secret != nil {
					require.True(t, there[v.Secret.SecretName], "%s: %s", overlay, v.Secret.SecretName)
				}
				if v.ConfigMap != nil {
					require.True(t, there[v.ConfigMap.Name], "%s: %s", overlay, v.ConfigMap.Name)
				}
			}
			for _, c := range slices.Concat(w.template.Spec.InitContainers, w.template.Spec.Containers) {
				for _, from := range c.EnvFrom {
					require.True(t, there[from.SecretRef.Name], "%s: %s", overlay, from.SecretRef.Name)
				}
				for _, variable := range c.Env {
					if variable.ValueFrom != nil && variable.ValueFrom.SecretKeyRef != nil {
						require.True(t, there[variable.ValueFrom.SecretKeyRef.Name], "%s: %s", overlay, variable.Name)
					}
				}
			}
		}
	}
}

// Every setting of the manifests is a setting of the service.
func TestSettingsExist(t *testing.T) {
	known := settings(t)
	eachOverlay(t, func(t *testing.T, objects []runtime.Object) {
		for _, w := range workloads(objects) {
			for _, c := range slices.Concat(w.template.Spec.InitContainers, w.template.Spec.Containers) {
				for name := range environment(c) {
					if w.name != "nats" && strings.HasPrefix(name, "CLIENTS_") {
						require.Contains(t, known, name)
					}
				}
			}
		}
	})
}

// settings returns the names of the variables that the service reads.
func settings(t *testing.T) []string {
	t.Helper()
	help, err := exec.Command("go", "run", "-C", "../..", "./cmd/clients", "serve", "--help").Output()
	require.NoError(t, err)
	known := regexp.MustCompile(`CLIENTS_[A-Z_]+`).FindAllString(string(help), -1)
	require.Greater(t, len(known), 10)
	return known
}
