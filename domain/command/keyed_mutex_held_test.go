package command

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNoMutexIsHeldWithoutUsers(t *testing.T) {
	t.Parallel()
	var mutex keyedMutex
	done, err := mutex.lock(t.Context(), mutexKey{"a", 7})
	require.NoError(t, err)
	other, err := mutex.lock(t.Context(), mutexKey{"a", 8})
	require.NoError(t, err)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = mutex.lock(gone, mutexKey{"a", 7})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, mutex.held, 2)

	done()
	require.Len(t, mutex.held, 1)
	other()
	require.Empty(t, mutex.held)
	done, err = mutex.lock(t.Context(), mutexKey{"a", 7})
	require.NoError(t, err, "and the next has its turn")
	done()
	require.Empty(t, mutex.held)
}
