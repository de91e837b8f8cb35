package wire

import (
	"strconv"
	"strings"
	"time"

	"clients/domain"
)

const xmlDeclaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// appendXML appends a client as an element.
func appendXML(b []byte, c *domain.Client) []byte {
	b = append(b, "<client>\n  <name>"...)
	b = appendXMLText(b, c.Name)
	b = append(b, "</name>\n  <created-at type=\"datetime\">"...)
	b = appendTime(b, c.CreatedAt)
	b = append(b, "</created-at>\n  <updated-at type=\"datetime\">"...)
	b = appendTime(b, c.UpdatedAt)
	if c.HighriseID == 0 {
		b = append(b, "</updated-at>\n  <highrise-id type=\"integer\" nil=\"true\"/>\n  <id type=\"integer\">"...)
	} else {
		b = append(b, "</updated-at>\n  <highrise-id type=\"integer\">"...)
		b = strconv.AppendInt(b, c.HighriseID, 10)
		b = append(b, "</highrise-id>\n  <id type=\"integer\">"...)
	}
	b = strconv.AppendInt(b, c.ID, 10)
	b = append(b, "</id>\n  <cache-version type=\"integer\">"...)
	b = strconv.AppendUint(b, c.CacheVersion(), 10)
	b = append(b, "</cache-version>\n  <currency>"...)
	b = appendXMLText(b, c.Currency)
	b = append(b, "</currency>\n  <active type=\"boolean\">"...)
	b = strconv.AppendBool(b, c.Active)
	b = append(b, "</active>\n  <currency-symbol>"...)
	b = appendXMLText(b, c.CurrencySymbol)
	b = append(b, "</currency-symbol>\n  <details>"...)
	b = appendXMLText(b, c.Details)
	b = append(b, "</details>\n"...)
	b = appendXMLNullable(b, "default-invoice-timeframe", c.DefaultInvoiceTimeframe)
	b = appendXMLNullable(b, "last-invoice-kind", c.LastInvoiceKind)
	return append(b, "</client>\n"...)
}

func appendXMLNullable(b []byte, name, text string) []byte {
	b = append(append(b, "  <"...), name...)
	if text == "" {
		return append(b, " nil=\"true\"/>\n"...)
	}
	b = appendXMLText(append(b, '>'), text)
	return append(append(append(b, "</"...), name...), ">\n"...)
}

// xmlEscaper escapes what markup is made of, and the carriage return, which a reader would take for a line feed.
var xmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")

func appendXMLText(b []byte, text string) []byte {
	return append(b, xmlEscaper.Replace(text)...)
}

// appendTime writes whole seconds of UTC.
func appendTime(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, time.RFC3339)
}
