package domain

import (
	"math"
	"strings"
	"unicode/utf8"
)

// Limits of a client's attributes.
const (
	MaxText    = 255      // characters of name, currency and currency-symbol
	MaxDetails = 64 << 10 // bytes of details
	MaxID      = math.MaxInt64
)

// validate returns an Error if an attribute has a value that no client can have.
func validate(d ClientAttributes) error {
	if d.Name != nil && strings.TrimSpace(*d.Name) == "" {
		return Errorf(Invalid, "Name can't be blank.")
	}
	if d.Currency != nil && strings.TrimSpace(*d.Currency) == "" {
		return Errorf(Invalid, "Currency can't be blank.")
	}
	for _, text := range []struct {
		attribute string
		value     *string
	}{{"Name", d.Name}, {"Currency", d.Currency}, {"Currency symbol", d.CurrencySymbol}} {
		if err := validateLine(text.attribute, text.value); err != nil {
			return err
		}
	}
	if d.Details != nil && len(*d.Details) > MaxDetails {
		return Errorf(Invalid, "Details is too long (maximum is %d bytes).", MaxDetails)
	}
	if d.HighriseID != nil && *d.HighriseID < 0 {
		return Errorf(Invalid, "Highrise id must be between 1 and %d.", int64(MaxID))
	}
	return validateText("Details", d.Details)
}

// Validate returns an Error if no client can have this kind or timeframe.
func (i FollowInvoice) Validate() error {
	if err := validateLine("Invoice kind", &i.Kind); err != nil {
		return err
	}
	return validateLine("Invoice timeframe", &i.Timeframe)
}

// validateLine checks an attribute of at most MaxText characters.
func validateLine(attribute string, text *string) error {
	if text != nil && utf8.RuneCountInString(*text) > MaxText {
		return Errorf(Invalid, "%s is too long (maximum is %d characters).", attribute, MaxText)
	}
	return validateText(attribute, text)
}

// validateText checks that XML 1.0 can represent the text, so that everything stored can be rendered.
func validateText(attribute string, text *string) error {
	if text == nil {
		return nil
	}
	if !utf8.ValidString(*text) {
		return Errorf(Invalid, "%s is not valid UTF-8.", attribute)
	}
	for _, r := range *text {
		if !xmlCharacter(r) {
			return Errorf(Invalid, "%s has a character that XML cannot carry: %U.", attribute, r)
		}
	}
	return nil
}

// xmlCharacter is the production Char of XML 1.0.
func xmlCharacter(r rune) bool {
	switch {
	case r == '\t', r == '\n', r == '\r':
		return true
	case r < 0x20, r == 0xFFFE, r == 0xFFFF:
		return false
	default:
		return true
	}
}

// Representable returns text with U+FFFD in place of everything that XML 1.0 cannot represent.
func Representable(text string) string {
	return strings.Map(func(r rune) rune {
		if xmlCharacter(r) {
			return r
		}
		return utf8.RuneError
	}, text)
}
