package transport_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

const (
	inXML         = "<client><name>A</name></client>"
	inJSON        = `{"client":{"name":"A"}}`
	form          = "application/x-www-form-urlencoded"
	multipartBody = "--b\r\nContent-Disposition: form-data; name=\"client[name]\"\r\n\r\nA\r\n--b--\r\n"
)

// created returns the attributes of a POST with a body of a Content-Type.
func (s *service) created(target, body, contentType string) domain.ClientAttributes {
	s.t.Helper()
	r := s.command(http.MethodPost, target, body, "Content-Type: "+contentType)
	require.IsType(s.t, domain.CreateClient{}, r.Command)
	return r.Command.(domain.CreateClient).Attributes
}

func TestTheContentTypeDecidesHowABodyIsRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, contentType, want string }{
		"XML":                              {inXML, "application/xml", "A"},
		"XML as text":                      {inXML, "text/xml; charset=utf-8", "A"},
		"XML without a type":               {inXML, "", "A"},
		"XML sent as a form":               {" \n" + inXML, form, "A"},
		"XML behind a byte order mark":     {"\xEF\xBB\xBF" + inXML, "", "A"},
		"the same sent as a form":          {"\xEF\xBB\xBF" + inXML, form, "A"},
		"a type derived from XML":          {inXML, "application/vnd.x+xml", "A"},
		"UTF-16 by its mark":               {"\xFE\xFF" + wide(inXML), "", "A"},
		"UTF-16 by its charset":            {wide(inXML), "application/xml; charset=utf-16be", "A"},
		"ISO-8859-1 by its charset":        {"<client><name>\xE9</name></client>", "text/xml; charset=ISO-8859-1", "é"},
		"JSON":                             {inJSON, "application/json", "A"},
		"JSON with a charset in quotes":    {inJSON, `application/json; charset="utf-8"`, "A"},
		"JSON as text":                     {inJSON, "text/json", "A"},
		"JSON as Rails accepts it, too":    {inJSON, "text/x-json", "A"},
		"XML as Rails accepts it, too":     {inXML, "application/x-xml", "A"},
		"JSON without a type":              {inJSON, "", "A"},
		"JSON sent as a form":              {"\n" + inJSON, form + "; charset=utf-8", "A"},
		"a form":                           {"client[name]=A", form, "A"},
		"a form with encoded brackets":     {"client%5Bname%5D=A&commit=Save", form, "A"},
		"a form in ISO-8859-1":             {"client[name]=%E9", form + "; charset=ISO-8859-1", "é"},
		"a multipart form":                 {multipartBody, "multipart/form-data; boundary=b", "A"},
		"a type in capitals":               {inJSON, "APPLICATION/JSON", "A"},
		"a type that ends with semicolons": {inJSON, "application/json;", "A"},
		"a type with half a parameter":     {inJSON, "application/json; charset=", "A"},
	} {
		require.Equal(t, domain.ClientAttributes{Name: &c.want}, newService(t).created("/clients", c.body, c.contentType), name)
	}
}

// wide returns ASCII text in UTF-16, big-endian.
func wide(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		b.WriteByte(0)
		b.WriteByte(c)
	}
	return b.String()
}

func TestRefusedBodies(t *testing.T) {
	t.Parallel()
	const malformed = "The request body could not be read."
	for name, c := range map[string]struct{ body, contentType, hint string }{
		"XML labelled JSON":              {"<client/>", "application/json", "The JSON is not well-formed."},
		"JSON labelled XML":              {inJSON, "application/xml", "The document is not XML."},
		"neither, without a type":        {"name=A", "", "The document is not XML."},
		"a byte order mark alone":        {"\xEF\xBB\xBF", "", "The document is empty."},
		"the same sent as a form":        {"\xEF\xBB\xBF", form, "The form has no attribute of a client, such as client[name]."},
		"a mark and blanks":              {"\xEF\xBB\xBF \n", "application/xml", "The document is empty."},
		"a form without a client":        {"name=A", form, "The form has no attribute of a client, such as client[name]."},
		"a malformed form":               {"client[name]=%zz", form, malformed},
		"a multipart form, no boundary":  {multipartBody, "multipart/form-data", malformed},
		"a multipart form, truncated":    {multipartBody[:60], "multipart/form-data; boundary=b", malformed},
		"a multipart form, no client":    {strings.Replace(multipartBody, "client[name]", "name", 1), "multipart/form-data; boundary=b", "The form has no attribute of a client, such as client[name]."},
		"an unknown charset":             {"<client/>", "application/xml; charset=klingon", "The encoding of the document is not supported."},
		"a wrong value":                  {"<client><active>x</active></client>", "application/xml", "Active must be true or false."},
		"XML that is not well-formed":    {"<client>", "application/xml", "The XML is not well-formed."},
		"an attribute of the wrong type": {`{"client":{"name":[]}}`, "application/json", "Name must be text."},
	} {
		require.Equal(t, c.hint, newService(t).hint(http.MethodPost, "/clients", c.body, "Content-Type: "+c.contentType), name)
	}
	for _, contentType := range []string{"text/plain", "text/html", "application/xhtml+xml", "application/octet-stream", "application/yaml", "/;"} {
		require.Equal(t, http.StatusUnsupportedMediaType, newService(t).send(http.MethodPost, "/clients", inXML, "Content-Type: "+contentType).Code, contentType)
	}
	s := newService(t)
	require.Equal(t, "The query string is malformed.", s.hint(http.MethodPost, "/clients?client[name]=%zz", ""))
	require.Equal(t, "Active must be true or false.", s.hint(http.MethodPost, "/clients?client[active]=x", ""))
}

func TestABodyHasAtMost1MiB(t *testing.T) {
	t.Parallel()
	s := newService(t)
	blanks := strings.Repeat(" ", 1<<20)
	require.Equal(t, domain.ClientAttributes{}, s.created("/clients", blanks, ""))
	require.Equal(t, http.StatusRequestEntityTooLarge, s.send(http.MethodPost, "/clients", blanks+" ").Code)
	for _, body := range []io.Reader{io.MultiReader(strings.NewReader(blanks), strings.NewReader(" ")), io.MultiReader(strings.NewReader("<client"), failing{})} {
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/clients", body)) // without its length
		require.Contains(t, []int{http.StatusRequestEntityTooLarge, http.StatusBadRequest}, w.Code)
	}
	require.Len(t, s.commands, 1)
}

// failing is a body whose connection breaks.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestTheBodyOverridesTheQuery(t *testing.T) {
	t.Parallel()
	const query = "/clients?client[name]=Q&client[highrise_id]=1&client[currency]=Euro&client[currency_symbol]=q&client[active]=true&client[details]=q"
	for body, override := range map[string]func(*domain.ClientAttributes){
		"":                                    func(*domain.ClientAttributes) {},
		" \r\n":                               func(*domain.ClientAttributes) {},
		"<client/>":                           func(*domain.ClientAttributes) {},
		"<client><name>B</name></client>":     func(a *domain.ClientAttributes) { a.Name = new("B") },
		"<client><details/></client>":         func(a *domain.ClientAttributes) { a.Details = new("") },
		"<client><active>0</active></client>": func(a *domain.ClientAttributes) { a.Active = new(false) },
		"<client><currency>B</currency></client>":               func(a *domain.ClientAttributes) { a.Currency = new("B") },
		"<client><highrise-id nil='true'/></client>":            func(a *domain.ClientAttributes) { a.HighriseID = new(int64(0)) },
		"<client><currency-symbol>b</currency-symbol></client>": func(a *domain.ClientAttributes) { a.CurrencySymbol = new("b") },
		"<client><currency-symbol nil='true'/></client>":        func(a *domain.ClientAttributes) { a.CurrencySymbol, a.DeriveSymbol = nil, true },
	} {
		want := domain.ClientAttributes{
			Name: new("Q"), HighriseID: new(int64(1)), Currency: new("Euro"), CurrencySymbol: new("q"), Active: new(true), Details: new("q"),
		}
		override(&want)
		require.Equal(t, want, newService(t).created(query, body, "application/xml"), body)
	}
}
