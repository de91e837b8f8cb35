package transport

import (
	"bytes"
	"errors"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"

	"clients/domain"
	"clients/transport/wire"
)

// attributes returns the attributes that a request names in its query string and in its body. The body wins.
func (r *request) attributes() (a domain.ClientAttributes, err error) {
	query, err := r.query()
	if err != nil {
		return a, err
	}
	if _, err := wire.DecodeForm(query, "", &a); err != nil {
		return a, err
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return a, errCoding
	}
	if len(bytes.TrimSpace(r.body)) == 0 {
		return a, nil
	}
	return a, decodeBody(r.body, r.Header.Get("Content-Type"), &a)
}

// decodeBody decodes a body by its Content-Type. If there is none, or it is the default of many HTTP clients, the first
// character of the body decides.
func decodeBody(body []byte, contentType string, a *domain.ClientAttributes) error {
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) && contentType != "" {
		return errMediaType
	}
	charset := parameters["charset"]
	first := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF")))
	guess := media == "" || media == "application/x-www-form-urlencoded"
	switch f := mediaFormat(media); {
	case f == formatJSON, guess && bytes.HasPrefix(first, []byte("{")):
		return wire.DecodeJSON(body, charset, a)
	case f == formatXML, guess && bytes.HasPrefix(first, []byte("<")), media == "":
		return wire.DecodeXML(body, charset, a)
	case media == "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return errBody
		}
		return decodeForm(values, charset, a)
	case media == "multipart/form-data":
		form, err := multipart.NewReader(bytes.NewReader(body), parameters["boundary"]).ReadForm(maxBody)
		if err != nil {
			return errBody
		}
		return decodeForm(form.Value, charset, a)
	}
	return errMediaType
}

func decodeForm(values url.Values, charset string, a *domain.ClientAttributes) error {
	found, err := wire.DecodeForm(values, charset, a)
	if err == nil && !found {
		err = domain.Errorf(domain.Invalid, "The form has no attribute of a client, such as client[name].")
	}
	return err
}
