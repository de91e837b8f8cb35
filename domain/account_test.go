package domain_test

import (
	"strings"
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

func TestValidAccount(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		domain.DefaultAccount:   true,
		"a":                     true,
		"0":                     true,
		"-":                     true,
		"acme-2":                true,
		"azAZ":                  false,
		strings.Repeat("a", 63): true,
		strings.Repeat("a", 64): false,
		"":                      false,
		"a.b":                   false,
		"a b":                   false,
		"a*":                    false,
		">":                     false,
		"a_b":                   false,
		"a/b":                   false,
		"ä":                     false,
		"a\n":                   false,
		"a`":                    false,
		"a{":                    false,
		"a:":                    false,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, want, domain.ValidAccount(name))
		})
	}
}
