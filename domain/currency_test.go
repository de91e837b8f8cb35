package domain_test

import (
	"strings"
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

func TestCurrencySymbol(t *testing.T) {
	t.Parallel()
	for currency, want := range map[string]string{
		"United States Dollars - USD": "$",
		"Euro - EUR":                  "€",
		"British Pounds - GBP":        "£",
		"Japanese Yen - JPY":          "¥",
		"Swiss Francs - CHF":          "CHF",
		"Brazilian Reais - BRL":       "R$",
		"Polish Zlotych - PLN":        "zł",
		"Indian Rupees - INR":         "₹",
		"USD":                         "$",
		"usd":                         "$",
		"Dollars-USD":                 "$",
		"US Dollars (USD)":            "$",
		"US Dollars(USD)":             "$",
		"":                            "",
		" ":                           "",
		"-":                           "",
		"()":                          "",
		"Dollars":                     "",
		"Unknown Money - XQQ":         "",
		"USD - United States Dollars": "",
		"MyUSD":                       "",
		"€":                           "",
		"Euro\u00a0EUR":               "",
		"broken \xFF":                 "",
	} {
		t.Run(currency, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, want, domain.CurrencySymbol(currency))
		})
	}
}

// The currencies include replaced and rare ones of the original service.
func TestEveryCurrencyOfTheOriginalServiceHasASymbol(t *testing.T) {
	t.Parallel()
	for _, code := range strings.Fields("AOA CLF CYP EEK LVL LTL MTL PGK SKK SDG VUV VEB VEF ZMK HRK TOP WST") {
		require.NotEmpty(t, domain.CurrencySymbol("Money - "+code), code)
	}
}
