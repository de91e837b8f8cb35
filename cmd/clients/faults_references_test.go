package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What other services say is recorded by one of the replicas. When it dies another one takes over, in about a second.
func TestFaultsOfTheReplicaThatRecordsWhatOthersSay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var longest time.Duration
	for i := range places { // one of them is it
		other := s.replicas[(i+1)%places].caller()
		known, wanted := other.named("Known"), other.named("Wanted")
		s.say(project("Created", known, fmt.Sprintf(`"client_id":%d`, known)))
		other.want(400, "DELETE", path(known), "")
		s.killReplica(i)
		s.say(project("Created", wanted, fmt.Sprintf(`"client_id":%d`, wanted)))
		acknowledged := time.Now()
		var got answer
		eventually(t, "the fence is passed", func() bool {
			got = other.do("DELETE", path(wanted), "")
			return got.status != 503
		})
		require.Equal(t, 400, got.status, got.body)
		took := time.Since(acknowledged)
		t.Logf("replica %d died: the project stands in the way %s after it was acknowledged", i+1, took)
		longest = max(longest, took)
		s.restartReplica(i)
	}
	require.Less(t, longest, 4*time.Second)
}
