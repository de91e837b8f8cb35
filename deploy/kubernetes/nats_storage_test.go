package kubernetes_test

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
)

// The limit of the account, which the service can read, equals the limits of the servers, which it cannot read.
func TestAccountLimitEqualsTheServersStorage(t *testing.T) {
	s := startNATS(t)
	_, js := connect(t, s, "admin")
	info, err := js.AccountInfo(t.Context())
	require.NoError(t, err)
	options, err := server.ProcessConfigFile("components/nats/nats.conf")
	require.NoError(t, err)
	require.Len(t, options.Routes, 3)
	require.Equal(t, 3*options.JetStreamMaxStore, info.Limits.MaxStore)
}

// The servers' limit is reached before the volume is full.
func TestVolumesAreLargerThanTheServersStorage(t *testing.T) {
	for _, overlay := range []string{"demo", "production-nats"} {
		claim := byName(all[*appsv1.StatefulSet](render(t, overlay)), "nats").Spec.VolumeClaimTemplates[0]
		room := claim.Spec.Resources.Requests.Storage().Value()
		require.Greater(t, room, natsOptions(t, overlay, "nats-0").JetStreamMaxStore, overlay)
	}
}
