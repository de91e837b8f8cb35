package domain_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

func TestErrorsAreDistinguishedByTheirKind(t *testing.T) {
	t.Parallel()
	kinds := []domain.Kind{
		domain.Invalid, domain.NotFound, domain.Blocked, domain.Stale, domain.KeyReused, domain.Conflict, domain.Unavailable,
	}
	for _, one := range kinds {
		for _, other := range kinds {
			err := fmt.Errorf("handle: %w", domain.Errorf(one, "first"))
			require.Equal(t, one == other, errors.Is(err, domain.Errorf(other, "second")), "%d and %d", one, other)
		}
	}
	require.NotContains(t, kinds, domain.Kind(0), "an Error without a kind is none of them")
}

func TestSentinelsHaveTheKindsOfTheirNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, domain.NotFound, domain.ErrNotFound.Kind)
	require.Equal(t, domain.Stale, domain.ErrStale.Kind)
	require.Equal(t, domain.Conflict, domain.ErrConflict.Kind)
	require.NotErrorIs(t, io.EOF, domain.ErrNotFound)
	require.NotErrorIs(t, domain.ErrNotFound, io.EOF)
}

func TestMessageOfAnErrorOmitsItsCause(t *testing.T) {
	t.Parallel()
	err := &domain.Error{Kind: domain.Unavailable, Message: "Please try again.", Cause: io.ErrUnexpectedEOF}
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, "Please try again. unexpected EOF", err.Error())
	require.Equal(t, "Please try again.", err.Message)
	require.Equal(t, "42 is wrong.", domain.Errorf(domain.Invalid, "%d is wrong.", 42).Error())
}
