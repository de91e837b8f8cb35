package transport

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"clients/domain"
	"clients/transport/wire"

	"github.com/stretchr/testify/require"
)

const multipartBody = "--b\r\nContent-Disposition: form-data; name=\"client[name]\"\r\n\r\nA\r\n--b--\r\n"

func TestDecodeBody(t *testing.T) {
	t.Parallel()
	const (
		inXML  = "<client><name>A</name></client>"
		inJSON = `{"client":{"name":"A"}}`
		form   = "application/x-www-form-urlencoded"
	)
	for name, c := range map[string]struct{ body, contentType string }{
		"XML":                                      {inXML, "application/xml"},
		"XML, as text":                             {inXML, "text/xml; charset=utf-8"},
		"XML, without a word":                      {inXML, ""},
		"XML, as curl sends it":                    {" \n" + inXML, form},
		"XML behind a byte order mark":             {"\xEF\xBB\xBF" + inXML, ""},
		"XML behind a mark, as curl sends it":      {"\xEF\xBB\xBF" + inXML, form},
		"XML of a type on top":                     {inXML, "application/vnd.x+xml"},
		"XML in UTF-16, without a word":            {"\xFE\xFF" + wide(inXML), ""},
		"XML in UTF-16, by label":                  {wide(inXML), "application/xml; charset=utf-16be"},
		"JSON":                                     {inJSON, "application/json"},
		"JSON with a charset in quotes":            {inJSON, `application/json; charset="utf-8"`},
		"JSON, as text":                            {inJSON, "text/json"},
		"JSON, without a word":                     {inJSON, ""},
		"JSON, as curl sends it":                   {"\n" + inJSON, form + "; charset=utf-8"},
		"a form":                                   {"client[name]=A", form},
		"a form with encoded brackets":             {"client%5Bname%5D=A&commit=Save", form},
		"a form in parts":                          {multipartBody, "multipart/form-data; boundary=b"},
		"a Content-Type in capitals":               {inJSON, "APPLICATION/JSON"},
		"a Content-Type that ends with semicolons": {inJSON, "application/json;"},
		"a Content-Type with half a parameter":     {inJSON, "application/json; charset="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			draft, err := decoded([]byte(c.body), c.contentType)
			require.NoError(t, err)
			require.Equal(t, domain.ClientAttributes{Name: new("A")}, draft)
		})
	}
	t.Run("the charset of the Content-Type counts", func(t *testing.T) {
		t.Parallel()
		draft, err := decoded([]byte("<client><name>\xE9</name></client>"), "text/xml; charset=ISO-8859-1")
		require.NoError(t, err)
		require.Equal(t, domain.ClientAttributes{Name: new("é")}, draft)
	})
}

// wide is ASCII text in UTF-16, its big end first.
func wide(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		b.WriteByte(0)
		b.WriteByte(c)
	}
	return b.String()
}

func TestDecodeBodyRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body, contentType string
		want              error // nil: a *wire.SyntaxError
	}{
		"plain text":                      {"<client/>", "text/plain", errMediaType},
		"HTML":                            {"<client/>", "text/html", errMediaType},
		"XHTML":                           {"<client/>", "application/xhtml+xml", errMediaType},
		"bytes":                           {"{}", "application/octet-stream", errMediaType},
		"YAML":                            {"client:", "application/yaml", errMediaType},
		"a Content-Type without sense":    {"{}", "/;", errMediaType},
		"XML that calls itself JSON":      {"<client/>", "application/json", nil},
		"JSON that calls itself XML":      {`{"client":{}}`, "application/xml", nil},
		"neither, without a word":         {"name=A", "", nil},
		"a byte order mark alone":         {"\xEF\xBB\xBF", "", nil},
		"a mark alone, as curl sends it":  {"\xEF\xBB\xBF", "application/x-www-form-urlencoded", nil},
		"a mark and blanks":               {"\xEF\xBB\xBF \n", "application/xml", nil},
		"a form without a client":         {"name=A", "application/x-www-form-urlencoded", nil},
		"a form that is malformed":        {"client[name]=%zz", "application/x-www-form-urlencoded", errBody},
		"a form in parts without bounds":  {multipartBody, "multipart/form-data", errBody},
		"a form in parts that is cut off": {multipartBody[:60], "multipart/form-data; boundary=b", errBody},
		"a form in parts without client":  {strings.Replace(multipartBody, "client[name]", "name", 1), "multipart/form-data; boundary=b", nil},
		"a charset that nobody knows":     {"<client/>", "application/xml; charset=klingon", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			draft, err := decoded([]byte(c.body), c.contentType)
			require.Equal(t, domain.ClientAttributes{}, draft)
			var syntax *wire.SyntaxError
			if c.want == nil {
				require.ErrorAs(t, err, &syntax)
				return
			}
			require.ErrorIs(t, err, c.want)
		})
	}
}

func requestTo(target, contentType string, body io.Reader) *request {
	r := newRequest(httptest.NewRequest(http.MethodPost, target, body), nil)
	r.Header.Set("Content-Type", contentType)
	return &r
}

// readAttributes reads the body and its attributes.
func (r *request) readAttributes() (domain.ClientAttributes, error) {
	if err := r.readBody(&response{ResponseWriter: httptest.NewRecorder()}, nil); err != nil {
		return domain.ClientAttributes{}, err
	}
	return r.attributes()
}

func TestWhatTheBodySaysStandsAboveWhatTheQuerySays(t *testing.T) {
	t.Parallel()
	const query = "/clients?client[name]=Q&client[highrise_id]=1&client[currency]=Euro&client[currency_symbol]=q&client[active]=true&client[details]=q"
	fromQuery := domain.ClientAttributes{
		Name: new("Q"), HighriseID: new(int64(1)), Currency: new("Euro"), CurrencySymbol: new("q"), Active: new(true), Details: new("q"),
	}
	for name, c := range map[string]struct {
		body string
		say  func(*domain.ClientAttributes)
	}{
		"nothing":       {"", func(*domain.ClientAttributes) {}},
		"blanks":        {" \r\n", func(*domain.ClientAttributes) {}},
		"an empty body": {"<client/>", func(*domain.ClientAttributes) {}},
		"a name":        {"<client><name>B</name></client>", func(d *domain.ClientAttributes) { d.Name = new("B") }},
		"a null number": {"<client><highrise-id nil='true'/></client>", func(d *domain.ClientAttributes) { d.HighriseID = new(int64(0)) }},
		"a currency":    {"<client><currency>B</currency></client>", func(d *domain.ClientAttributes) { d.Currency = new("B") }},
		"a symbol":      {"<client><currency-symbol>b</currency-symbol></client>", func(d *domain.ClientAttributes) { d.CurrencySymbol = new("b") }},
		"a null symbol": {"<client><currency-symbol nil='true'/></client>", func(d *domain.ClientAttributes) { d.CurrencySymbol, d.DeriveSymbol = nil, true }},
		"inactive":      {"<client><active>false</active></client>", func(d *domain.ClientAttributes) { d.Active = new(false) }},
		"no details":    {"<client><details/></client>", func(d *domain.ClientAttributes) { d.Details = new("") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := fromQuery
			c.say(&want)
			x := requestTo(query, "application/xml", strings.NewReader(c.body))
			draft, err := x.readAttributes()
			require.NoError(t, err)
			require.Equal(t, want, draft)
			require.Equal(t, c.body, string(x.body))
		})
	}
}

func TestDraftRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target string
		body   io.Reader
		want   error
	}{
		"a malformed query":              {"/clients?client[name]=%zz", strings.NewReader(""), errQuery},
		"a body beyond the limit":        {"/clients", strings.NewReader(strings.Repeat(" ", maxBody+1)), errTooLarge},
		"a body that cannot be read":     {"/clients", io.MultiReader(strings.NewReader("<client"), failing{}), errBody},
		"a wrong value in the query":     {"/clients?client[active]=x", strings.NewReader(""), &wire.SyntaxError{Reason: "Active must be true or false."}},
		"a wrong value in the body":      {"/clients", strings.NewReader("<client><active>x</active></client>"), &wire.SyntaxError{Reason: "Active must be true or false."}},
		"a body that is not well-formed": {"/clients", strings.NewReader("<client>"), &wire.SyntaxError{Reason: "The XML is not well-formed."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := requestTo(c.target, "application/xml", c.body).readAttributes()
			require.Equal(t, c.want, err)
		})
	}
	t.Run("but not a body of the limit", func(t *testing.T) {
		t.Parallel()
		x := requestTo("/clients", "", strings.NewReader(strings.Repeat(" ", maxBody)))
		_, err := x.readAttributes()
		require.NoError(t, err)
		require.Len(t, x.body, maxBody)
	})
}

// failing is a body whose connection breaks.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func decoded(body []byte, contentType string) (a domain.ClientAttributes, err error) {
	err = decodeBody(body, contentType, &a)
	return a, err
}
