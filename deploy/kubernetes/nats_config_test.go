package kubernetes_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// natsOptions returns the options of a server of an overlay: its ConfigMap, parsed with the environment of its pod.
func natsOptions(t *testing.T, overlay, pod string) *server.Options {
	t.Helper()
	options, err := readNATS(t, overlay, pod, nil)
	require.NoError(t, err)
	require.Len(t, options.Routes, 3)
	return options
}

// readNATS is natsOptions, with passwords that replace those of the demo.
func readNATS(t *testing.T, overlay, pod string, passwords map[string]string) (*server.Options, error) {
	t.Helper()
	objects := render(t, overlay)
	set := byName(all[*appsv1.StatefulSet](objects), "nats")
	for name, value := range podEnvironment(t, set.Spec.Template.Spec.Containers[0], pod, secretOf(t, passwords)) {
		t.Setenv(name, value)
	}
	folder := t.TempDir()
	for name, text := range configOf(objects, set).Data {
		text = strings.ReplaceAll(text, "/etc/nats-tls/", certificates(t)+"/")
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	return server.ProcessConfigFile(filepath.Join(folder, "nats.conf"))
}

func configOf(objects []runtime.Object, set *appsv1.StatefulSet) *corev1.ConfigMap {
	for _, volume := range set.Spec.Template.Spec.Volumes {
		if volume.ConfigMap != nil {
			return byName(all[*corev1.ConfigMap](objects), volume.ConfigMap.Name)
		}
	}
	return nil
}

// secretOf returns the Secret nats-users of the demo, with the given passwords in place of its own.
func secretOf(t *testing.T, passwords map[string]string) map[string]string {
	t.Helper()
	secret := make(map[string]string)
	for _, s := range all[*corev1.Secret](render(t, "demo")) {
		if strings.HasPrefix(s.Name, "nats-users") {
			for key, value := range s.Data {
				secret[key] = string(value)
			}
		}
	}
	require.Len(t, secret, len(passwordKeys))
	for key, value := range passwords {
		secret[key] = value
	}
	return secret
}

// podEnvironment returns the environment that a kubelet gives a container: a value may refer to the variables above it.
func podEnvironment(t *testing.T, c corev1.Container, pod string, secret map[string]string) map[string]string {
	t.Helper()
	require.Empty(t, c.EnvFrom)
	env := make(map[string]string)
	for _, variable := range c.Env {
		value := variable.Value
		switch from := variable.ValueFrom; {
		case from == nil:
			for name, known := range env {
				value = strings.ReplaceAll(value, "$("+name+")", known)
			}
		case from.FieldRef != nil:
			require.Equal(t, "metadata.name", from.FieldRef.FieldPath)
			value = pod
		default:
			var there bool
			value, there = secret[from.SecretKeyRef.Key]
			require.True(t, there, "the Secret has no %s", from.SecretKeyRef.Key)
		}
		require.NotContains(t, value, "$(")
		env[variable.Name] = value
	}
	return env
}

// byName returns the object with a name.
func byName[T interface{ GetName() string }](objects []T, name string) (found T) {
	for _, object := range objects {
		if object.GetName() == name {
			return object
		}
	}
	return found
}
