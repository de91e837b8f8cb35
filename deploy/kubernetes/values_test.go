package kubernetes_test

import (
	"reflect"
	"slices"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
)

// values lists the values that the API server accepts, by the type of the field: decoding an object does not check them. A
// type without values accepts any string.
var values = map[reflect.Type][]string{
	reflect.TypeFor[appsv1.PersistentVolumeClaimRetentionPolicyType](): {"Retain"},
	reflect.TypeFor[appsv1.PodManagementPolicyType]():                  {"OrderedReady", "Parallel"},
	reflect.TypeFor[autoscalingv2.MetricSourceType]():                  {"Resource"},
	reflect.TypeFor[autoscalingv2.MetricTargetType]():                  {"Utilization", "Value", "AverageValue"},
	reflect.TypeFor[batchv1.ConcurrencyPolicy]():                       {"Forbid"},
	reflect.TypeFor[corev1.Capability]():                               {"ALL"},
	reflect.TypeFor[corev1.NodeInclusionPolicy]():                      {"Honor", "Ignore"},
	reflect.TypeFor[corev1.PersistentVolumeAccessMode]():               {"ReadWriteOnce", "ReadWriteOncePod"},
	reflect.TypeFor[corev1.PodFSGroupChangePolicy]():                   {"OnRootMismatch", "Always"},
	reflect.TypeFor[corev1.PreemptionPolicy]():                         {"PreemptLowerPriority", "Never"},
	reflect.TypeFor[corev1.Protocol]():                                 {"TCP", "UDP"},
	reflect.TypeFor[corev1.ResourceName]():                             {"cpu", "memory", "storage"},
	reflect.TypeFor[corev1.RestartPolicy]():                            {"Always", "OnFailure", "Never"},
	reflect.TypeFor[corev1.SeccompProfileType]():                       {"RuntimeDefault"},
	reflect.TypeFor[corev1.SecretType]():                               {"Opaque"},
	reflect.TypeFor[corev1.StorageMedium]():                            {"Memory"},
	reflect.TypeFor[corev1.TaintEffect]():                              {"NoSchedule", "PreferNoSchedule", "NoExecute"},
	reflect.TypeFor[corev1.TolerationOperator]():                       {"Exists", "Equal"},
	reflect.TypeFor[corev1.UnsatisfiableConstraintAction]():            {"DoNotSchedule", "ScheduleAnyway"},
	reflect.TypeFor[monitoringv1.Duration]():                           nil,
	reflect.TypeFor[networkingv1.PathType]():                           {"Exact", "Prefix"},
	reflect.TypeFor[policyv1.UnhealthyPodEvictionPolicyType]():         {"AlwaysAllow", "IfHealthyBudget"},
	reflect.TypeFor[networkingv1.PolicyType]():                         {"Ingress", "Egress"},
	reflect.TypeFor[resource.Format]():                                 nil,
	reflect.TypeFor[types.UID]():                                       nil,
}

// A string type that is not in the table fails, too: its values have to be added.
func TestValuesAreValid(t *testing.T) {
	for name := range rendered {
		for _, object := range render(t, name) {
			eachText(reflect.ValueOf(object), func(text reflect.Value) {
				known, there := values[text.Type()]
				require.True(t, there, "%s: add the values of %s, such as %q", name, text.Type(), text)
				require.True(t, known == nil || slices.Contains(known, text.String()), "%s: %s has no value %q", name, text.Type(), text)
			})
		}
	}
}

func TestEachTextVisitsNestedValues(t *testing.T) {
	var seen []string
	eachText(reflect.ValueOf(&corev1.PodSpec{RestartPolicy: "Newer", TopologySpreadConstraints: []corev1.TopologySpreadConstraint{
		{WhenUnsatisfiable: "ScheduleAnyhow"},
	}}), func(text reflect.Value) { seen = append(seen, text.String()) })
	require.ElementsMatch(t, []string{"Newer", "ScheduleAnyhow"}, seen)
}

// eachText visits every string that is not empty and has a type other than string.
func eachText(v reflect.Value, visit func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			eachText(v.Elem(), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				eachText(v.Field(i), visit)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(v.Index(i), visit)
		}
	case reflect.Map:
		for at := v.MapRange(); at.Next(); {
			eachText(at.Key(), visit)
			eachText(at.Value(), visit)
		}
	case reflect.String:
		if v.Len() > 0 && v.Type() != reflect.TypeFor[string]() {
			visit(v)
		}
	}
}
