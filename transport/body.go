package transport

import (
	"bytes"
	"errors"
	"mime"
	"mime/multipart"
	"net/url"

	"clients/domain"
	"clients/transport/wire"
)

// draft reads what a request says about a client, in its query string and in its body.
func (x *exchange) draft() (domain.ClientAttributes, error) {
	var draft domain.ClientAttributes
	query, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return draft, errQuery
	}
	if _, err := wire.DecodeForm(query, &draft); err != nil {
		return draft, err
	}
	if coding := x.r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return draft, errCoding
	}
	if len(bytes.TrimSpace(x.body)) == 0 {
		return draft, nil
	}
	fromBody, err := decodeBody(x.body, x.r.Header.Get("Content-Type"))
	return overlay(draft, fromBody), err
}

// decodeBody reads a body by its Content-Type. Where that is missing, or is the one that tools send for whatever they
// are given, the body's first character tells.
func decodeBody(body []byte, contentType string) (domain.ClientAttributes, error) {
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) && contentType != "" {
		return domain.ClientAttributes{}, errMediaType
	}
	charset := parameters["charset"]
	first := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF")))
	guess := media == "" || media == "application/x-www-form-urlencoded"
	switch f := mediaFormat(media); {
	case f == formatJSON, guess && bytes.HasPrefix(first, []byte("{")):
		return wire.DecodeJSON(body, charset)
	case f == formatXML, guess && bytes.HasPrefix(first, []byte("<")), media == "":
		return wire.DecodeXML(body, charset)
	case media == "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return domain.ClientAttributes{}, errBody
		}
		return decodeForm(values)
	case media == "multipart/form-data":
		form, err := multipart.NewReader(bytes.NewReader(body), parameters["boundary"]).ReadForm(maxBody)
		if err != nil {
			return domain.ClientAttributes{}, errBody
		}
		return decodeForm(form.Value)
	}
	return domain.ClientAttributes{}, errMediaType
}

func decodeForm(values url.Values) (domain.ClientAttributes, error) {
	var draft domain.ClientAttributes
	found, err := wire.DecodeForm(values, &draft)
	if err == nil && !found {
		err = &wire.SyntaxError{Reason: "The form names no attribute of a client, as in client[name]."}
	}
	return draft, err
}

// overlay is below with what above names in its place.
func overlay(below, above domain.ClientAttributes) domain.ClientAttributes {
	for _, text := range []struct{ to, from **string }{
		{&below.Name, &above.Name}, {&below.Currency, &above.Currency},
		{&below.CurrencySymbol, &above.CurrencySymbol}, {&below.Details, &above.Details},
	} {
		if *text.from != nil {
			*text.to = *text.from
		}
	}
	if above.HighriseID != nil {
		below.HighriseID = above.HighriseID
	}
	if above.Active != nil {
		below.Active = above.Active
	}
	if above.DeriveSymbol {
		below.CurrencySymbol, below.DeriveSymbol = nil, true
	}
	return below
}
