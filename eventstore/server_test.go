package eventstore_test

import (
	"testing"

	"clients/eventstore"
	"github.com/stretchr/testify/require"
)

func TestAServerThatIsTooOldIsRefused(t *testing.T) {
	t.Parallel()
	for _, old := range []string{"2.11.9", "2.9.0", "1.4.1", "0.0.1"} {
		require.EqualError(t, eventstore.CheckVersion(old), "the NATS server is of version "+old+": the service needs 2.12 or later")
	}
	for _, fine := range []string{"2.12.0", "2.12.0-RC.1", "2.15.3", "3.0.0", "", "dev", "x.y.z"} {
		require.NoError(t, eventstore.CheckVersion(fine), fine)
	}
	s := singleNode(t)
	require.NoError(t, eventstore.CheckVersion(s.Conn().ConnectedServerVersion()))
}
