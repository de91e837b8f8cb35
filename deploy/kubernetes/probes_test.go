package kubernetes_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// The probes do not kill a replica that waits for NATS or reads a long stream, nor a NATS server that catches up. A replica
// that shuts down receives no requests well before it ends.
func TestProbesLeaveTime(t *testing.T) {
	eachOverlay(t, func(t *testing.T, objects []runtime.Object) {
		for _, w := range workloads(objects) {
			c := w.template.Spec.Containers[0]
			switch w.name {
			case "clients":
				require.Equal(t, "/livez", c.StartupProbe.HTTPGet.Path)
				require.Equal(t, "/livez", c.LivenessProbe.HTTPGet.Path)
				require.Equal(t, "/readyz", c.ReadinessProbe.HTTPGet.Path)
				delay, err := time.ParseDuration(environment(c)["CLIENTS_SHUTDOWN_DELAY"])
				require.NoError(t, err)
				require.EqualValues(t, 2, c.ReadinessProbe.FailureThreshold)
				require.Greater(t, delay, 2*time.Duration(c.ReadinessProbe.FailureThreshold*c.ReadinessProbe.PeriodSeconds)*time.Second)
			case "nats":
				require.GreaterOrEqual(t, c.StartupProbe.FailureThreshold*c.StartupProbe.PeriodSeconds, int32(30*60))
			}
		}
		require.Empty(t, all[*batchv1.Job](objects), "a Job is immutable: another image could not be applied to it")
	})
}

// Without NATS the service is alive and not ready.
func TestServiceIsAliveWithoutNATS(t *testing.T) {
	ops := freeAddress(t)
	cmd := clients(t, "nats://clients:x@"+freeAddress(t), "serve")
	cmd.Env = append(cmd.Env, "CLIENTS_HTTP_ADDR="+freeAddress(t), "CLIENTS_OPS_ADDR="+ops)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	require.Eventually(t, func() bool { return status("http://"+ops+"/livez") == http.StatusOK }, 30*time.Second, 20*time.Millisecond)
	require.Never(t, func() bool { return status("http://"+ops+"/readyz") != http.StatusServiceUnavailable }, time.Second, 100*time.Millisecond)
	require.Equal(t, http.StatusOK, status("http://"+ops+"/livez"))
}
