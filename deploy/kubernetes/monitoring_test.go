package kubernetes_test

import (
	"flag"
	"os"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write monitoring/prometheusrule.yaml")

// The PrometheusRule has the groups of alerts.yaml: change them there and run the test with -update.
func TestPrometheusRuleHasTheAlerts(t *testing.T) {
	alerts, err := os.ReadFile("../monitoring/alerts.yaml")
	require.NoError(t, err)
	rule := map[string]any{"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": map[string]any{"name": "clients"}}
	var spec any
	require.NoError(t, yaml.Unmarshal(alerts, &spec))
	rule["spec"] = spec
	text, err := yaml.Marshal(rule)
	require.NoError(t, err)
	want := "# Made of alerts.yaml by go test -C deploy ./kubernetes -run PrometheusRule -update\n" + string(text)
	if *update {
		require.NoError(t, os.WriteFile("../monitoring/prometheusrule.yaml", []byte(want), 0o600))
	}
	have, err := os.ReadFile("../monitoring/prometheusrule.yaml")
	require.NoError(t, err)
	require.Equal(t, want, string(have), "run the test with -update")
	require.NotEmpty(t, all[*monitoringv1.PrometheusRule](render(t, "components"))[0].Spec.Groups[0].Rules)
}

// The ServiceMonitor selects the Service that lists every replica, by a port that it has; the job's name contains clients, as
// the alerts require. The dashboard is in a ConfigMap that Grafana's sidecar finds.
func TestMonitoringFindsTheService(t *testing.T) {
	objects := render(t, "components")
	monitor := all[*monitoringv1.ServiceMonitor](objects)[0]
	selector, err := metav1.LabelSelectorAsSelector(&monitor.Spec.Selector)
	require.NoError(t, err)
	var found []string
	for _, service := range all[*corev1.Service](objects) {
		if selector.Matches(labels.Set(service.Labels)) {
			found = append(found, service.Name)
			require.Equal(t, service.Spec.Ports[0].Name, monitor.Spec.Endpoints[0].Port)
		}
	}
	require.Equal(t, []string{"clients-operations"}, found)

	// Without jobLabel its job would be the name behind that of its namespace, which is clients.
	exporter := all[*monitoringv1.PodMonitor](objects)[0]
	job := byName(all[*appsv1.StatefulSet](objects), "nats").Spec.Template.Labels[exporter.Spec.JobLabel]
	require.NotEmpty(t, job)
	require.NotContains(t, job, "clients")

	dashboard := byName(all[*corev1.ConfigMap](objects), "clients-dashboard")
	require.Equal(t, "1", dashboard.Labels["grafana_dashboard"])
	require.Contains(t, dashboard.Data["clients.json"], `"panels"`)
}
