package eventstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"clients/domain"
)

// The types of stored events. What is stored is read forever. The body of a released type may get further members: each is
// left out when it is empty, so that older events are still encoded to the same bytes, and readers ignore members that they
// do not know. Any other change of a body is a new version of the type, beside the old one.
const (
	typePrefix             = "clients."
	typeCreated            = "clients.v1.ClientCreated"
	typeUpdated            = "clients.v1.ClientUpdated"
	typeToggled            = "clients.v1.ClientToggled"
	typeInvoiceDefaultsSet = "clients.v1.ClientInvoiceDefaultsChanged"
	typeDeleted            = "clients.v1.ClientDeleted"
	typeErased             = "clients.v1.ClientErased"
)

var errUnknownType = errors.New("unknown event type")

type (
	createdV1 struct {
		ID             int64  `json:"id"`
		Name           string `json:"name"`
		HighriseID     *int64 `json:"highrise_id"`
		Currency       string `json:"currency"`
		CurrencySymbol string `json:"currency_symbol"`
		Active         bool   `json:"active"`
		Details        string `json:"details"`
	}
	// updatedV1 has the changed attributes alone. A nil pointer in an any is stored as null.
	updatedV1 struct {
		ID             int64   `json:"id"`
		Name           *string `json:"name,omitempty"`
		HighriseID     any     `json:"highrise_id,omitempty"`
		Currency       *string `json:"currency,omitempty"`
		CurrencySymbol any     `json:"currency_symbol,omitempty"`
		Active         *bool   `json:"active,omitempty"`
		Details        *string `json:"details,omitempty"`
	}
	toggledV1 struct {
		ID     int64 `json:"id"`
		Active bool  `json:"active"`
	}
	invoiceDefaultsChangedV1 struct {
		ID                      int64   `json:"id"`
		DefaultInvoiceTimeframe *string `json:"default_invoice_timeframe"`
		LastInvoiceKind         *string `json:"last_invoice_kind"`
	}
	deletedV1 struct {
		ID int64 `json:"id"`
	}
	erasedV1 struct {
		ID     int64    `json:"id"`
		Erased []uint64 `json:"erased"`
	}
)

// nullable is nil for the zero value, by which the domain stands for null.
func nullable[T comparable](value T) *T {
	var null T
	if value == null {
		return nil
	}
	return &value
}

func valueOf[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}

// marshal returns the type and the body that an event is stored as.
func marshal(e domain.Event) (kind string, data []byte, err error) {
	switch e := e.(type) {
	case domain.ClientCreated:
		data, err = encodeJSON(createdV1{e.ID, e.Name, nullable(e.HighriseID), e.Currency, e.CurrencySymbol, e.Active, e.Details})
		return typeCreated, data, err
	case domain.ClientUpdated:
		var highrise, symbol any
		if e.HighriseID != nil {
			highrise = nullable(*e.HighriseID)
		}
		if e.CurrencySymbol != nil || e.DeriveSymbol {
			symbol = e.CurrencySymbol
		}
		data, err = encodeJSON(updatedV1{e.ID, e.Name, highrise, e.Currency, symbol, e.Active, e.Details})
		return typeUpdated, data, err
	case domain.ClientToggled:
		data, err = encodeJSON(toggledV1(e))
		return typeToggled, data, err
	case domain.ClientInvoiceDefaultsChanged:
		data, err = encodeJSON(invoiceDefaultsChangedV1{e.ID, nullable(e.DefaultInvoiceTimeframe), nullable(e.LastInvoiceKind)})
		return typeInvoiceDefaultsSet, data, err
	case domain.ClientDeleted:
		data, err = encodeJSON(deletedV1(e))
		return typeDeleted, data, err
	case domain.ClientErased:
		data, err = encodeJSON(erasedV1{e.ID, append([]uint64{}, e.Erased...)}) // without any it is [], and not null
		return typeErased, data, err
	}
	return "", nil, fmt.Errorf("marshal %T: %w", e, errUnknownType)
}

// unmarshal reads a stored body back.
func unmarshal(kind string, data []byte) (domain.Event, error) {
	switch kind {
	case typeCreated:
		v, err := decodeJSON[createdV1](data)
		return domain.ClientCreated{
			ID: v.ID, Name: v.Name, HighriseID: valueOf(v.HighriseID), Currency: v.Currency,
			CurrencySymbol: v.CurrencySymbol, Active: v.Active, Details: v.Details,
		}, err
	case typeUpdated:
		return unmarshalUpdated(data)
	case typeToggled:
		v, err := decodeJSON[toggledV1](data)
		return domain.ClientToggled(v), err
	case typeInvoiceDefaultsSet:
		v, err := decodeJSON[invoiceDefaultsChangedV1](data)
		return domain.ClientInvoiceDefaultsChanged{
			ID: v.ID, DefaultInvoiceTimeframe: valueOf(v.DefaultInvoiceTimeframe), LastInvoiceKind: valueOf(v.LastInvoiceKind),
		}, err
	case typeDeleted:
		v, err := decodeJSON[deletedV1](data)
		return domain.ClientDeleted(v), err
	case typeErased:
		v, err := decodeJSON[erasedV1](data)
		return domain.ClientErased(v), err
	}
	return nil, fmt.Errorf("%w %q", errUnknownType, kind)
}

// encodeJSON leaves <, > and & as they are: the body is not made for HTML.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func decodeJSON[T any](data []byte) (v T, err error) {
	err = json.Unmarshal(data, &v)
	return v, err
}

// structured is an event in the JSON format of CloudEvents. The extension attributes are the texts of the headers.
type structured struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject"`
	Time            string          `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	Actor           string          `json:"actor,omitempty"`
	CorrelationID   string          `json:"correlationid,omitempty"`
	CausationID     string          `json:"causationid,omitempty"`
	Traceparent     string          `json:"traceparent,omitempty"`
	ClientVersion   string          `json:"clientversion"`
	Checksum        string          `json:"checksum"`
	Data            json.RawMessage `json:"data"`
}

// CloudEvent returns an event in the structured mode of CloudEvents, as JSON on one line.
func (r Record) CloudEvent() ([]byte, error) {
	return encodeJSON(structured{
		SpecVersion: specVersion, ID: r.EventID, Source: source, Type: r.Type, Subject: strconv.FormatInt(r.ClientID, 10),
		Time: clock(r.Time), DataContentType: contentType, Actor: r.Actor, CorrelationID: r.CorrelationID, CausationID: r.CausationID,
		Traceparent: r.Traceparent, ClientVersion: strconv.FormatUint(r.Version, 10), Checksum: hexSum(r.Checksum), Data: r.Data,
	})
}
