package domain_test

import (
	"math"
	"strings"
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// named returns valid attributes, modified by change.
func named(change func(*domain.ClientAttributes)) domain.ClientAttributes {
	d := domain.ClientAttributes{Name: new("A")}
	change(&d)
	return d
}

// The same values are valid for CreateClient and UpdateClient.
func bothWays(t *testing.T, attributes domain.ClientAttributes, then func(*testing.T, scenario)) {
	t.Helper()
	t.Run("on create", func(t *testing.T) { then(t, given().when(create(attributes))) })
	t.Run("on update", func(t *testing.T) { then(t, given(created).when(update(attributes))) })
}

func TestAcceptedValues(t *testing.T) {
	t.Parallel()
	for name, attributes := range map[string]domain.ClientAttributes{
		"name of 255 letters":             {Name: new(strings.Repeat("a", 255))},
		"name of 255 wide characters":     {Name: new(strings.Repeat("𝄞", 255))},
		"currency of 255 characters":      named(func(d *domain.ClientAttributes) { d.Currency = new(strings.Repeat("é", 255)) }),
		"symbol of 255 characters":        named(func(d *domain.ClientAttributes) { d.CurrencySymbol = new(strings.Repeat("€", 255)) }),
		"details of 64 KiB":               named(func(d *domain.ClientAttributes) { d.Details = new(strings.Repeat("a", 64<<10)) }),
		"highrise-id of 1":                named(func(d *domain.ClientAttributes) { d.HighriseID = new(int64(1)) }),
		"highrise-id of 2^63-1":           named(func(d *domain.ClientAttributes) { d.HighriseID = new(int64(math.MaxInt64)) }),
		"tab, line feed, carriage return": named(func(d *domain.ClientAttributes) { d.Details = new("\t\n\r") }),
		"characters at XML's borders":     {Name: new("\u0020\u007F\u0085\uD7FF\uE000\uFFFD\U00010000\U0010FFFF")},
		"markup":                          {Name: new(`<b>&"']]>`)},
		"name of a zero-width space":      {Name: new("\u200B")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bothWays(t, attributes, func(t *testing.T, s scenario) {
				c := s.state(t)
				require.Equal(t, *attributes.Name, c.Name)
				if attributes.Details != nil {
					require.Equal(t, *attributes.Details, c.Details)
				}
				if attributes.Currency != nil {
					require.Equal(t, *attributes.Currency, c.Currency)
				}
				if attributes.CurrencySymbol != nil {
					require.Equal(t, *attributes.CurrencySymbol, c.CurrencySymbol)
				}
				if attributes.HighriseID != nil {
					require.Equal(t, *attributes.HighriseID, c.HighriseID)
				}
			})
		})
	}
}

func TestRefusedValues(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		attributes domain.ClientAttributes
		says       string
	}{
		"empty name":                  {domain.ClientAttributes{Name: new("")}, "Name can't be blank."},
		"name of blanks":              {domain.ClientAttributes{Name: new(" \t\r\n")}, "Name can't be blank."},
		"name of Unicode blanks":      {domain.ClientAttributes{Name: new("\u00A0\u2003\u3000")}, "Name can't be blank."},
		"name of 256 characters":      {domain.ClientAttributes{Name: new(strings.Repeat("é", 256))}, "Name is too long (maximum is 255 characters)."},
		"currency of blanks":          {named(func(d *domain.ClientAttributes) { d.Currency = new(" ") }), "Currency can't be blank."},
		"currency of 256 characters":  {named(func(d *domain.ClientAttributes) { d.Currency = new(strings.Repeat("a", 256)) }), "Currency is too long (maximum is 255 characters)."},
		"symbol of 256 characters":    {named(func(d *domain.ClientAttributes) { d.CurrencySymbol = new(strings.Repeat("a", 256)) }), "Currency symbol is too long (maximum is 255 characters)."},
		"details of 64 KiB and one":   {named(func(d *domain.ClientAttributes) { d.Details = new(strings.Repeat("a", 64<<10+1)) }), "Details is too long (maximum is 65536 bytes)."},
		"details of 64 Ki characters": {named(func(d *domain.ClientAttributes) { d.Details = new(strings.Repeat("é", 64<<10)) }), "Details is too long (maximum is 65536 bytes)."},
		"negative highrise-id":        {named(func(d *domain.ClientAttributes) { d.HighriseID = new(int64(-1)) }), "Highrise id must be between 1 and 9223372036854775807."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bothWays(t, c.attributes, func(t *testing.T, s scenario) {
				require.Equal(t, c.says, s.thenRefused(t, domain.Invalid))
			})
		})
	}
}

func TestAnUpdateCannotEmptyTheCurrency(t *testing.T) {
	t.Parallel()
	given(created).when(update(domain.ClientAttributes{Currency: new("")})).thenRefused(t, domain.Invalid)
}

func TestTextThatXMLCannotCarryIsRefusedInEveryAttribute(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"NUL":                   "a\x00",
		"a control character":   "a\x1B[31m",
		"a vertical tab":        "a\vb",
		"U+FFFE":                "a\uFFFE",
		"U+FFFF":                "a\uFFFF",
		"an encoded surrogate":  "a\xED\xA0\x80",
		"half a character":      "a\xC3",
		"a byte of ISO-8859-1":  "caf\xE9",
		"an overlong character": "a\xC0\xAF",
	} {
		for attribute, say := range map[string]func(*domain.ClientAttributes){
			"Name":            func(d *domain.ClientAttributes) { d.Name = &text },
			"Currency":        func(d *domain.ClientAttributes) { d.Currency = &text },
			"Currency symbol": func(d *domain.ClientAttributes) { d.CurrencySymbol = &text },
			"Details":         func(d *domain.ClientAttributes) { d.Details = &text },
		} {
			t.Run(attribute+" with "+name, func(t *testing.T) {
				t.Parallel()
				bothWays(t, named(say), func(t *testing.T, s scenario) {
					message := s.thenRefused(t, domain.Invalid)
					require.True(t, strings.HasPrefix(message, attribute+" "), message)
					for _, r := range message {
						require.True(t, r >= ' ' && r < 0x7F, "the message goes into a header: %q", message)
					}
				})
			})
		}
	}
}
