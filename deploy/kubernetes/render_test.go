package kubernetes_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// overlays are those that an operator applies, and one with every component.
var overlays = []string{"demo", "production", "production-nats", "components"}

// rendered returns the rendered manifests of each overlay, the examples of Kubernetes' own kinds, and the pod of the drill.
var rendered = map[string]func() ([]string, error){
	"demo":            sync.OnceValues(func() ([]string, error) { return kustomized("overlays/demo") }),
	"production":      sync.OnceValues(func() ([]string, error) { return kustomized("overlays/production") }),
	"base":            sync.OnceValues(func() ([]string, error) { return kustomized("base") }),
	"production-nats": sync.OnceValues(func() ([]string, error) { return kustomized("overlays/production-nats") }),
	"components":      sync.OnceValues(func() ([]string, error) { return kustomized("testdata/components") }),
	"examples": func() ([]string, error) {
		ingress, err := os.ReadFile("examples/ingress.yaml")
		restore, missing := os.ReadFile("examples/restore.yaml")
		return []string{string(ingress), string(restore)}, errors.Join(err, missing)
	},
	"drill": func() ([]string, error) {
		text, err := os.ReadFile("../drill/load.yaml")
		return []string{string(text)}, err
	},
}

// kustomized renders a folder as kubectl kustomize does.
func kustomized(folder string) (texts []string, err error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, err
	}
	for _, resource := range resources.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}

func texts(t *testing.T, name string) []string {
	t.Helper()
	texts, err := rendered[name]()
	require.NoError(t, err, name)
	return texts
}

// render decodes the objects of an overlay into the types of the API and fails on unknown fields.
func render(t *testing.T, overlay string) (objects []runtime.Object) {
	t.Helper()
	decoder := strict(t)
	for _, text := range texts(t, overlay) {
		object, _, err := decoder.Decode([]byte(text), nil, nil)
		require.NoError(t, err, "%s: %s", overlay, text)
		objects = append(objects, object)
	}
	return objects
}

func strict(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, autoscalingv2.AddToScheme, batchv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme,
		schedulingv1.AddToScheme, monitoringv1.AddToScheme,
	} {
		require.NoError(t, add(scheme))
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

// all returns the objects of a type.
func all[T any](objects []runtime.Object) (picked []T) {
	for _, object := range objects {
		if typed, ok := object.(T); ok {
			picked = append(picked, typed)
		}
	}
	return picked
}

func TestManifestsDecodeStrictly(t *testing.T) {
	for name := range rendered {
		require.NotEmpty(t, render(t, name))
	}
}

// Each of these fields is in use, and misspelt at its place it fails.
func TestMisspeltFieldFails(t *testing.T) {
	decoder := strict(t)
	for _, field := range []string{
		"replicas", "readinessProbe", "failureThreshold", "whenUnsatisfiable", "secretKeyRef", "accessModes", "targetPort", "scaleTargetRef",
		"maxUnavailable", "unhealthyPodEvictionPolicy", "persistentVolumeClaimRetentionPolicy", "podSelector", "initContainers", "serviceName", "automountServiceAccountToken", "seccompProfile",
		"priorityClassName", "endpoints", "preemptionPolicy",
	} {
		found := 0
		for _, text := range slices.Concat(texts(t, "components"), texts(t, "demo")) {
			wrong := strings.Replace(text, field+":", field+"x:", 1)
			if wrong == text {
				continue
			}
			found++
			_, _, err := decoder.Decode([]byte(wrong), nil, nil)
			require.ErrorContains(t, err, field+"x", text)
		}
		require.Positive(t, found, field)
	}
}

// secretKeys returns the Secrets that the pods use, with the keys that they name.
func secretKeys(objects []runtime.Object) map[string][]string {
	keys := make(map[string][]string)
	for _, w := range workloads(objects) {
		for _, v := range w.template.Spec.Volumes {
			if v.Secret != nil {
				keys[v.Secret.SecretName] = slices.Clip(keys[v.Secret.SecretName]) // also without a key
				for _, item := range v.Secret.Items {
					keys[v.Secret.SecretName] = append(keys[v.Secret.SecretName], item.Key)
				}
			}
		}
		for _, c := range w.template.Spec.Containers {
			for _, variable := range c.Env {
				if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil {
					keys[from.SecretKeyRef.Name] = append(keys[from.SecretKeyRef.Name], from.SecretKeyRef.Key)
				}
			}
		}
	}
	return keys
}
