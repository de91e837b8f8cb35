//go:build helm

package kubernetes_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// helm returns what helm template prints for the chart in the namespace of the overlays, with values, and its standard error.
func helm(values string) (out, stderr string, err error) {
	cmd := exec.Command("helm", "template", "clients", "../helm", "--namespace", "clients", "--set", values)
	var faults strings.Builder
	cmd.Stderr = &faults
	text, err := cmd.Output()
	return string(text), faults.String(), err
}

// chart renders the chart and decodes its objects as strictly as those of the overlays.
func chart(t *testing.T, values string) (objects []runtime.Object) {
	t.Helper()
	text, stderr, err := helm(values)
	require.NoError(t, err, stderr)
	for _, part := range regexp.MustCompile(`(?m)^---\n`).Split(text, -1)[1:] {
		object, _, err := strict(t).Decode([]byte(part), nil, nil)
		require.NoError(t, err, part)
		objects = append(objects, object)
	}
	return objects
}

// The chart and the overlays render the same objects, by values that put in what the overlay includes. These may differ:
// the namespace, which Helm leaves to its command line; the labels that say by what an object was rendered; an annotation
// for Helm; and the order of variables.
func TestChartRendersTheOverlays(t *testing.T) {
	for overlay, c := range map[string]struct {
		values    []string
		elsewhere *regexp.Regexp // objects that the chart does not have
	}{
		"production": {
			[]string{"networkPolicy.defaultDeny=true"},
			regexp.MustCompile("^Namespace/clients$"),
		},
		"components": {
			[]string{"networkPolicy.defaultDeny=true", "backup.enabled=true", "nats.caSecretName=nats-tls", "tls.enabled=true",
				"priorityClassName=clients", "monitoring.enabled=true"},
			regexp.MustCompile("^(Namespace/clients|PriorityClass/clients|[A-Za-z]+/nats(-cluster|-[a-z0-9]{10})?)$"),
		},
	} {
		t.Run(overlay, func(t *testing.T) {
			want := normalized(t, render(t, overlay))
			for name := range want {
				if c.elsewhere.MatchString(name) {
					delete(want, name)
				}
			}
			have := normalized(t, chart(t, strings.Join(c.values, ",")))
			require.Greater(t, len(want), 6)
			for name := range want {
				require.Equal(t, want[name], have[name], name)
			}
			require.Len(t, have, len(want))
		})
	}
}

// normalized returns each object as text by its kind and name, without what may differ.
func normalized(t *testing.T, objects []runtime.Object) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	for _, w := range workloads(objects) {
		for _, c := range w.template.Spec.Containers {
			slices.SortFunc(c.Env, func(a, b corev1.EnvVar) int { return cmp.Compare(a.Name, b.Name) })
		}
	}
	for _, object := range objects {
		object = object.DeepCopyObject()
		accessor, err := meta.Accessor(object)
		require.NoError(t, err)
		labels := accessor.GetLabels()
		for name := range labels {
			if strings.HasPrefix(name, "app.kubernetes.io/") || strings.HasPrefix(name, "helm.sh/") {
				delete(labels, name)
			}
		}
		annotations := accessor.GetAnnotations()
		delete(annotations, "helm.sh/resource-policy")
		accessor.SetNamespace("")
		text, err := yaml.Marshal(object)
		require.NoError(t, err)
		texts[object.GetObjectKind().GroupVersionKind().Kind+"/"+accessor.GetName()] = string(text)
	}
	return texts
}

// A value that the chart does not have, or that would render an object that Kubernetes or the service refuses, is an error.
func TestChartRefusesValues(t *testing.T) {
	for value, refusal := range map[string]string{
		"replicas=3":                            "replicas",
		"image.digest=sha256:1":                 "digest",
		"settings.CLIENTS_ACCES_LOG=off":        "CLIENTS_ACCES_LOG",
		"settings.CLIENTS_NATS_URL=nats://nats": "CLIENTS_NATS_URL",
		"settings.CLIENTS_RATE_LIMIT=100":       "CLIENTS_RATE_LIMIT", // a number, which may be rendered as 1e+06
		"resources.limits.memory=512M":          "memory",
		"resources.limits.cpu=500m":             "cpu",
		"nats.secretName=":                      "secretName",
		"autoscaling.minReplicas=0":             "minReplicas",
	} {
		_, stderr, err := helm(value)
		require.Error(t, err, value)
		require.Contains(t, stderr, "values don't meet the specifications of the schema", value)
		require.Contains(t, stderr, refusal, value)
	}
}

func TestChartPutsValuesIn(t *testing.T) {
	for values, want := range map[string]string{
		"image.tag=1.2.3": "image: registry.example.com/clients:1.2.3\n",
		"image.digest=sha256:" + strings.Repeat("0", 64): "image: registry.example.com/clients@sha256:" + strings.Repeat("0", 64) + "\n",
		"autoscaling.enabled=false,replicaCount=5":       "  replicas: 5\n",
		"minNodes=1":                                       "minDomains: 1\n",
		"resources.limits.memory=2Gi":                      "value: 1843MiB\n",
		"settings.GOGC=off":                                "- name: GOGC\n          value: \"off\"\n",
		"settings.GOMEMLIMIT=400MiB":                       "- name: GOMAXPROCS\n          value: \"2\"\n        - name: GOMEMLIMIT\n          value: 400MiB\n        image:",
		"settings.CLIENTS_ACCESS_LOG=errors":               "- name: CLIENTS_ACCESS_LOG\n          value: errors\n",
		"settings.OTEL_EXPORTER_OTLP_ENDPOINT=http://c:80": "- name: OTEL_EXPORTER_OTLP_ENDPOINT\n          value: http://c:80\n",
		"monitoring.enabled=true,monitoring.labels.a=b":    "    a: b\n",
		"backup.enabled=true,backup.storageClassName=slow": "  storageClassName: slow\n",
		"imagePullSecrets[0].name=registry":                "      imagePullSecrets:\n      - name: registry\n",
	} {
		rendered := strings.Join(slices.Collect(maps.Values(normalized(t, chart(t, values)))), "")
		require.Contains(t, rendered, want, values)
	}
	least := chart(t, "networkPolicy.enabled=false,podDisruptionBudget.enabled=false,autoscaling.enabled=false")
	require.Len(t, least, 4, "a ServiceAccount, two Services and a Deployment")
}

// The notes name each Secret that the pods use, with its keys.
func TestChartNamesItsSecrets(t *testing.T) {
	values := "nats.caSecretName=nats-ca,tls.enabled=true,backup.enabled=true"
	out, err := exec.Command("helm", "install", "clients", "../helm", "--namespace", "clients", "--dry-run=client", "--set", values).Output()
	require.NoError(t, err)
	_, notes, _ := strings.Cut(string(out), "\nNOTES:\n")
	require.Equal(t, 3, strings.Count(notes, "\n"), notes)
	for name, keys := range secretKeys(chart(t, values)) {
		require.Contains(t, notes, name+" ("+strings.Join(slices.Compact(keys), ", "))
	}
}

// Each setting of the service and of Go's runtime is one of the chart's values, unless the chart sets it, or it does not apply here.
func TestChartHasEverySetting(t *testing.T) {
	text, err := os.ReadFile("../helm/values.schema.json")
	require.NoError(t, err)
	var schema struct {
		Properties struct {
			Settings struct{ Properties map[string]any }
		}
	}
	require.NoError(t, json.Unmarshal(text, &schema))
	has := map[string]bool{
		"CLIENTS_DATA_DIR": true, "CLIENTS_EMBEDDED_NATS_ADDR": true, // of the embedded server
		"CLIENTS_NATS_CREDS": true, "CLIENTS_NATS_CERT": true, "CLIENTS_NATS_KEY": true, // the overlays have none either
	}
	for name := range schema.Properties.Settings.Properties {
		has[name] = true
	}
	for _, w := range workloads(chart(t, "nats.caSecretName=ca,tls.enabled=true")) {
		for name := range environment(w.template.Spec.Containers[0]) {
			has[name] = true
		}
	}
	for _, name := range []string{"GOGC", "GOMAXPROCS", "GOMEMLIMIT"} {
		require.True(t, has[name], name)
		delete(has, name)
	}
	want := make(map[string]bool)
	for _, name := range settings(t) {
		want[name] = true
	}
	require.Equal(t, want, has)
}
