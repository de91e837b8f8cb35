package domain

import (
	_ "embed" // the table of symbols
	"strings"
)

// CurrencySymbol returns the symbol of the ISO 4217 code at the end of currency, as in "United States Dollars - USD". It
// returns "" if there is no code or it is unknown.
func CurrencySymbol(currency string) string {
	code := currency[strings.LastIndexAny(currency, " -(")+1:]
	return currencySymbols[strings.ToUpper(strings.TrimSuffix(code, ")"))]
}

// symbolTable has the symbol of each ISO 4217 code, a code and its symbol on each line. Codes that others have replaced stay.
//
//go:embed currency_symbols.txt
var symbolTable string

var currencySymbols = parseSymbols(symbolTable)

func parseSymbols(table string) map[string]string {
	symbols := make(map[string]string)
	for line := range strings.Lines(table) {
		code, symbol, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		symbols[code] = symbol
	}
	return symbols
}
