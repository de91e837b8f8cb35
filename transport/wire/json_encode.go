package wire

import (
	"strconv"

	"clients/domain"
)

// appendJSON appends a client as {"client":{…}}.
func appendJSON(b []byte, c *domain.Client) []byte {
	b = append(b, `{"client":{"name":`...)
	b = appendJSONText(b, c.Name)
	b = append(b, `,"created_at":"`...)
	b = appendTime(b, c.CreatedAt)
	b = append(b, `","updated_at":"`...)
	b = appendTime(b, c.UpdatedAt)
	b = append(b, `","highrise_id":`...)
	if c.HighriseID == 0 {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, c.HighriseID, 10)
	}
	b = append(b, `,"id":`...)
	b = strconv.AppendInt(b, c.ID, 10)
	b = append(b, `,"cache_version":`...)
	b = strconv.AppendUint(b, c.CacheVersion(), 10)
	b = append(b, `,"currency":`...)
	b = appendJSONText(b, c.Currency)
	b = append(b, `,"active":`...)
	b = strconv.AppendBool(b, c.Active)
	b = append(b, `,"currency_symbol":`...)
	b = appendJSONText(b, c.CurrencySymbol)
	b = append(b, `,"details":`...)
	b = appendJSONText(b, c.Details)
	b = append(b, `,"default_invoice_timeframe":`...)
	b = appendJSONNullable(b, c.DefaultInvoiceTimeframe)
	b = append(b, `,"last_invoice_kind":`...)
	b = appendJSONNullable(b, c.LastInvoiceKind)
	return append(b, "}}"...)
}

func appendJSONNullable(b []byte, text string) []byte {
	if text == "" {
		return append(b, "null"...)
	}
	return appendJSONText(b, text)
}

// appendJSONText writes text, which is valid UTF-8, as a JSON string.
func appendJSONText(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := range len(text) {
		c := text[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, text[start:]...), '"')
}
