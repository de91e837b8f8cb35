package wire

import (
	"strconv"
	"strings"
	"time"

	"clients/domain"
)

// What a list in XML begins and ends with.
const (
	XMLListStart = xmlDeclaration + `<clients type="array">` + "\n"
	XMLListEnd   = "</clients>\n"

	xmlDeclaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
)

// AppendXMLDocument appends a client as a document of its own.
func AppendXMLDocument(b []byte, c *domain.Client) []byte {
	return AppendXML(append(b, xmlDeclaration...), c)
}

// AppendXML appends a client as an element.
func AppendXML(b []byte, c *domain.Client) []byte {
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

// AppendXMLError appends an error document.
func AppendXMLError(b []byte, message string) []byte {
	b = append(b, xmlDeclaration+"<error>\n  <message>"...)
	return append(appendXMLText(b, message), "</message>\n</error>\n"...)
}

// appendXMLText escapes what markup is made of, and the carriage return, which a reader would take for a line feed.
func appendXMLText(b []byte, text string) []byte {
	if strings.IndexByte(text, '&') < 0 && strings.IndexByte(text, '<') < 0 && strings.IndexByte(text, '>') < 0 && strings.IndexByte(text, '\r') < 0 {
		return append(b, text...) // the common case, found faster than byte by byte
	}
	for i := range len(text) {
		switch text[i] {
		case '&':
			b = append(b, "&amp;"...)
		case '<':
			b = append(b, "&lt;"...)
		case '>':
			b = append(b, "&gt;"...)
		case '\r':
			b = append(b, "&#xD;"...)
		default:
			b = append(b, text[i])
		}
	}
	return b
}

// appendTime writes whole seconds of UTC.
func appendTime(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, time.RFC3339)
}
