package upstream_test

import (
	"log/slog"
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
	for destination, want := range map[string]error{"projects.new.>": nil, "elsewhere.>": upstream.ErrMissing} {
		natstest.CreateStream(t, s.js, jetstream.StreamConfig{
			Name: upstream.Projects.Name, Subjects: []string{"projects.>"},
			SubjectTransform: &jetstream.SubjectTransformConfig{Source: "projects.>", Destination: destination},
		})
		_, err := s.State(deadline(t), upstream.Projects)
		require.ErrorIs(t, err, want, destination)
		require.NoError(t, s.js.DeleteStream(deadline(t), upstream.Projects.Name))
	}
	natstest.CreateStream(t, s.js, jetstream.StreamConfig{Name: "ORIGIN", Subjects: []string{"projects.>"}})
	for _, test := range []struct {
		copied jetstream.StreamSource
		want   error
	}{
		{jetstream.StreamSource{}, nil},
		{jetstream.StreamSource{FilterSubject: "projects.acme.>"}, nil},
		{jetstream.StreamSource{FilterSubject: "invoices.>"}, upstream.ErrMissing},
		{jetstream.StreamSource{SubjectTransforms: []jetstream.SubjectTransformConfig{{Source: "projects.acme.>"}}}, nil},
		{jetstream.StreamSource{SubjectTransforms: []jetstream.SubjectTransformConfig{{Source: "old.>", Destination: "projects.>"}}}, nil},
		{jetstream.StreamSource{SubjectTransforms: []jetstream.SubjectTransformConfig{{Source: "projects.>", Destination: "old.>"}}}, upstream.ErrMissing},
	} {
		test.copied.Name = "ORIGIN"
		for _, config := range []jetstream.StreamConfig{{Mirror: &test.copied}, {Sources: []*jetstream.StreamSource{&test.copied}}} {
			config.Name = upstream.Projects.Name
			natstest.CreateStream(t, s.js, config)
			_, err := s.State(deadline(t), upstream.Projects)
			require.ErrorIs(t, err, test.want, "%+v", test.copied)
			require.NoError(t, s.js.DeleteStream(deadline(t), upstream.Projects.Name))
		}
	}
}

func TestAStreamMayTransformWhatItCopies(t *testing.T) {
	t.Parallel()
	s := onServers(t, 1)
	natstest.CreateStream(t, s.js, jetstream.StreamConfig{Name: "ORIGIN", Subjects: []string{"raw.>"}})
	natstest.CreateStream(t, s.js, jetstream.StreamConfig{
		Name: upstream.Projects.Name, Sources: []*jetstream.StreamSource{{Name: "ORIGIN", FilterSubject: "raw.>"}},
		SubjectTransform: &jetstream.SubjectTransformConfig{Source: "raw.>", Destination: "projects.>"},
	})
	_, err := s.State(deadline(t), upstream.Projects)
	require.NoError(t, err)
}

func TestEnsureReportsAStreamThatDoesNotReceiveItsEvents(t *testing.T) {
	t.Parallel()
	s := onServers(t, 1)
	natstest.CreateStream(t, s.js, jetstream.StreamConfig{Name: upstream.Projects.Name, Subjects: []string{"project.>"}})
	for range 2 { // INVOICES exists the second time
		err := s.Ensure(deadline(t), 1, 0, slog.New(slog.DiscardHandler))
		require.EqualError(t, err, "stream PROJECTS: it receives project.> and not projects.>")
		require.ErrorIs(t, err, upstream.ErrMissing)
		_, err = s.js.Stream(deadline(t), upstream.Invoices.Name)
		require.NoError(t, err)
	}
}
