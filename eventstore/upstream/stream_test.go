package upstream_test

import (
	"strings"
	"testing"

	"clients/eventstore/natstest"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// A stream is missing if another one may acknowledge the events that are read from it.
func TestAStreamMustReceiveItsEvents(t *testing.T) {
	t.Parallel()
	s := onServers(t, 1)
	for subjects, want := range map[string]error{
		"projects.>": nil, "projects.*.*": nil, "projects.acme.>": nil, "*.acme.*": nil, "": upstream.ErrMissing, "project.>": upstream.ErrMissing,
	} {
		config := jetstream.StreamConfig{Name: upstream.Projects.Name, NoAck: strings.HasPrefix(subjects, "*")} // NATS insists on it
		if subjects != "" {                                                                                     // else NATS takes the name
			config.Subjects = []string{"elsewhere", subjects}
		}
		natstest.CreateStream(t, s.js, config)
		_, err := s.State(deadline(t), upstream.Projects)
		require.ErrorIs(t, err, want, subjects)
		require.NoError(t, s.js.DeleteStream(deadline(t), upstream.Projects.Name))
	}
	natstest.CreateStream(t, s.js, jetstream.StreamConfig{Name: "ORIGIN", Subjects: []string{"projects.>"}})
	natstest.CreateStream(t, s.js, jetstream.StreamConfig{Name: upstream.Projects.Name, Mirror: &jetstream.StreamSource{Name: "ORIGIN"}})
	_, err := s.State(deadline(t), upstream.Projects)
	require.NoError(t, err)
}
