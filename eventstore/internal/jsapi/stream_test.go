package jsapi_test

import (
	"testing"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/stretchr/testify/require"
)

func TestHasQuorum(t *testing.T) {
	type replica = struct {
		Name    string        `json:"name"`
		Offline bool          `json:"offline"`
		Active  time.Duration `json:"active"`
	}
	recent, old, offline := replica{Active: time.Second}, replica{Active: 2*time.Second + 1}, replica{Offline: true, Active: 1}
	for name, test := range map[string]struct {
		replicas []replica
		want     bool
	}{
		"one server":                     {nil, true},
		"both others":                    {[]replica{recent, recent}, true},
		"one of the others":              {[]replica{old, recent}, true},
		"one, and one that is offline":   {[]replica{offline, recent}, true},
		"none recently":                  {[]replica{old, old}, false},
		"none ever":                      {[]replica{{}, {}}, false},
		"one never, and one long ago":    {[]replica{{}, old}, false},
		"half of the servers":            {[]replica{recent, old, old}, false},
		"three of five":                  {[]replica{recent, recent, old, old}, true},
		"all offline, moments ago":       {[]replica{offline, offline}, false},
		"the other one of two, long ago": {[]replica{old}, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, jsapi.Cluster{Replicas: test.replicas}.HasQuorum())
		})
	}
}
