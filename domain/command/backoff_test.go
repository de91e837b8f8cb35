package command_test

import (
	"testing"
	"testing/synctest"
	"time"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// A command on a client that changes constantly has many conflicts and still succeeds.
func TestCommandWithManyConflictsSucceedsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store(created)
		w.beforeAppend = func(attempt int) error {
			if attempt <= 40 {
				w.storeElsewhere(domain.ClientInvoiceDefaultsChanged{ID: 7, LastInvoiceKind: "task"})
			}
			return nil
		}
		begun := time.Now()
		_, err := w.replica().Handle(t.Context(), rename("B"))
		require.NoError(t, err)
		require.Equal(t, 41, w.attempts())
		require.Greater(t, time.Since(begun), 100*time.Millisecond, "it backs off")
		require.Less(t, time.Since(begun), 2800*time.Millisecond)
	})
}
