package domain_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// Random attributes, valid and invalid, are applied to a random client. Afterwards the client has them, and applying them again
// changes nothing.
func TestUpdatesReachTheirAttributesAndAreIdempotent(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	accepted, refused := 0, 0
	for range 300 {
		c := domain.Client{}
		for range 20 {
			before, attributes := c, randomAttributes(random)
			cmd := domain.Command(update(attributes))
			if !c.Exists() {
				cmd = create(attributes)
			}
			event, err := domain.Decide(c, domain.References{}, cmd)
			if err != nil {
				require.ErrorIs(t, err, domain.Errorf(domain.Invalid, ""), "seed %d", seed)
				require.Nil(t, event)
				refused++
				continue
			}
			if event != nil {
				c = domain.Evolve(c, event)
			}
			accepted++
			require.Equal(t, expected(before, attributes), c, "seed %d", seed)
			require.Equal(t, event == nil, before == c, "seed %d: an event if and only if something changes", seed)
			again, err := domain.Decide(c, domain.References{}, update(attributes))
			require.NoError(t, err, "seed %d", seed)
			require.Nil(t, again, "seed %d", seed)
			same, err := domain.Decide(c, domain.References{}, update(whole(c)))
			require.NoError(t, err, "seed %d: what is stored can be sent back", seed)
			require.Nil(t, same, "seed %d", seed)
		}
	}
	require.Positive(t, accepted)
	require.Positive(t, refused)
}

// expected returns the state after an update, by an implementation independent of Decide and Evolve.
func expected(c domain.Client, d domain.ClientAttributes) domain.Client {
	currency := c.Currency
	if !c.Exists() {
		c = domain.Client{ID: 11072, Active: true, Currency: dollars}
	}
	if d.Name != nil {
		c.Name = *d.Name
	}
	if d.HighriseID != nil {
		c.HighriseID = *d.HighriseID
	}
	if d.Active != nil {
		c.Active = *d.Active
	}
	if d.Details != nil {
		c.Details = *d.Details
	}
	if d.Currency != nil && *d.Currency != "" {
		c.Currency = *d.Currency
	}
	switch {
	case d.CurrencySymbol != nil:
		c.CurrencySymbol = *d.CurrencySymbol
	case d.DeriveSymbol, c.Currency != currency:
		c.CurrencySymbol = domain.CurrencySymbol(c.Currency)
	}
	return c
}

func randomAttributes(random *rand.Rand) domain.ClientAttributes {
	names := []string{"A", "SuprCorp", "Ä & Ö <GmbH>", "\U0001F600", strings.Repeat("é", 255), "", " ", "\x00", "\xFF", strings.Repeat("a", 256)}
	currencies := []string{dollars, "Euro - EUR", "Canadian Dollars - CAD", "Shells", "\uFFFE", " "}
	symbols := []string{"$", "€", "US$", "", "\x1F"}
	details := []string{"", "a\r\nb", "123 Main St.", "\uFFFF"}
	d := domain.ClientAttributes{
		Name:           maybe(random, names),
		HighriseID:     maybe(random, []int64{0, 1, 7, 1<<63 - 1, -1}),
		Currency:       maybe(random, currencies),
		CurrencySymbol: maybe(random, symbols),
		Active:         maybe(random, []bool{true, false}),
		Details:        maybe(random, details),
	}
	d.DeriveSymbol = d.CurrencySymbol == nil && random.IntN(4) == 0
	return d
}

// maybe is one of values, or nil half of the time.
func maybe[T any](random *rand.Rand, values []T) *T {
	if random.IntN(2) == 0 {
		return nil
	}
	return &values[random.IntN(len(values))]
}
