package eventstore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAServerThatIsTooOldIsRefused(t *testing.T) {
	t.Parallel()
	for _, old := range []string{"2.11.9", "2.9.0", "1.4.1", "0.0.1"} {
		var refusal *OldServerError
		require.ErrorAs(t, checkVersion(old), &refusal, old)
		require.Contains(t, refusal.Error(), old)
		require.Contains(t, refusal.Error(), "needs 2.12 or later")
	}
	for _, fine := range []string{"2.12.0", "2.12.0-RC.1", "2.15.2", "3.0.0", "", "dev", "x.y.z"} {
		require.NoError(t, checkVersion(fine), fine)
	}
	s := singleNode(t)
	require.NoError(t, checkVersion(s.nc.ConnectedServerVersion()))
}
