package command

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNoTurnIsHeldForClientsThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	var turns turns
	done, err := turns.take(t.Context(), owned{"a", 7})
	require.NoError(t, err)
	other, err := turns.take(t.Context(), owned{"a", 8})
	require.NoError(t, err)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = turns.take(gone, owned{"a", 7})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, turns.held, 2)

	done()
	require.Len(t, turns.held, 1)
	other()
	require.Empty(t, turns.held)
	done, err = turns.take(t.Context(), owned{"a", 7})
	require.NoError(t, err, "and the next has its turn")
	done()
	require.Empty(t, turns.held)
}
