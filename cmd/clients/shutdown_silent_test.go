package main

import (
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// A NATS that has fallen silent, as one does that is stopped in the middle of what it does, does not keep a service from
// ending in time, nor does one that is gone.
func TestShutdownDoesNotWaitForANATSThatIsSilent(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(n *natstest.Network){
		"silent": func(n *natstest.Network) { n.Hold("service") },
		"gone":   func(n *natstest.Network) { n.Cut("service") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network, cluster := natstest.NewNetwork(t), natstest.Run(t, 1)
			newTap(t, cluster.URL()).sources()
			a := launchWith(t, externalSettings(t, 1, natsSettings{url: network.URL("service", cluster)}))
			a.named("SuprCorp")
			t.Cleanup(network.Heal)
			fail(network)
			begun := time.Now()
			a.quit()
			require.Less(t, time.Since(begun), stopLimit-requestLimit, "requests under way may need the rest")
			t.Logf("it took %s", time.Since(begun))
		})
	}
}
