package ingest

import (
	"testing"

	"clients/eventstore/deadletter"

	"github.com/stretchr/testify/require"
)

// Somebody deletes the quarantine: it is made again when it is needed, and nothing waits for good.
func TestAQuarantineThatIsGoneIsMadeAgain(t *testing.T) {
	t.Parallel()
	r := alone(t)
	one := r.client()
	require.NoError(t, r.js.DeleteStream(r.deadline(), deadletter.Stream))
	r.say(event("projects.v1.ProjectForgotten", "projects.acme.7", "{}"), project("Created", 8, `"client_id":1`))
	require.Equal(t, 1, r.references(one).ActiveProjects)
	require.Len(t, r.quarantined(), 1)
}
