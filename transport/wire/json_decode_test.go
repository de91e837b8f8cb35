package wire_test

import (
	"math"
	"strings"
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

func TestDecodeJSON(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		document string
		want     domain.ClientAttributes
	}{
		"every attribute that can be written": {
			`{"client":{"name":"Company LLC","highrise_id":110011,"currency":"Euro - EUR","currency_symbol":"€","active":false,"details":"a\nb"}}`,
			domain.ClientAttributes{
				Name: new("Company LLC"), HighriseID: new(int64(110011)), Currency: new("Euro - EUR"),
				CurrencySymbol: new("€"), Active: new(false), Details: new("a\nb"),
			},
		},
		"a client that names nothing":       {`{"client":{}}`, domain.ClientAttributes{}},
		"blanks around everything":          {" \t\r\n{ \"client\" :\n{ \"name\" :\t\"A\" , \"active\" : true } } \n", domain.ClientAttributes{Name: new("A"), Active: new(true)}},
		"names with hyphens":                {`{"client":{"highrise-id":7,"currency-symbol":"$"}}`, domain.ClientAttributes{HighriseID: new(int64(7)), CurrencySymbol: new("$")}},
		"escapes":                           {`{"client":{"name":"\u00e9\"\\\/\b\f\n\r\t\ud83d\uDE00\\ud800"}}`, domain.ClientAttributes{Name: new("é\"\\/\b\f\n\r\t😀\\ud800")}},
		"escaped names":                     {`{"cli\u0065nt":{"n\u0061me":"A"}}`, domain.ClientAttributes{Name: new("A")}},
		"NUL, which the domain judges":      {`{"client":{"name":"a\u0000"}}`, domain.ClientAttributes{Name: new("a\x00")}},
		"the largest highrise-id":           {`{"client":{"highrise_id":9223372036854775807}}`, domain.ClientAttributes{HighriseID: new(int64(math.MaxInt64))}},
		"numbers as texts":                  {`{"client":{"name":5,"currency":-1.50,"details":1e3}}`, domain.ClientAttributes{Name: new("5"), Currency: new("-1.50"), Details: new("1e3")}},
		"texts as numbers":                  {`{"client":{"highrise_id":" 5 ","active":"TRUE"}}`, domain.ClientAttributes{HighriseID: new(int64(5)), Active: new(true)}},
		"a text as a boolean":               {`{"client":{"active":"0"}}`, domain.ClientAttributes{Active: new(false)}},
		"1 as a boolean":                    {`{"client":{"active":1}}`, domain.ClientAttributes{Active: new(true)}},
		"0 as a boolean":                    {`{"client":{"active":0}}`, domain.ClientAttributes{Active: new(false)}},
		"5.0":                               {`{"client":{"highrise_id":5.0}}`, domain.ClientAttributes{HighriseID: new(int64(5))}},
		"5 with exponent":                   {`{"client":{"highrise_id":50E-1}}`, domain.ClientAttributes{HighriseID: new(int64(5))}},
		"a float of Java":                   {`{"client":{"highrise_id":1.1072345E7}}`, domain.ClientAttributes{HighriseID: new(int64(11072345))}},
		"5.0 as a text":                     {`{"client":{"highrise_id":"5.00"}}`, domain.ClientAttributes{HighriseID: new(int64(5))}},
		"0 clears":                          {`{"client":{"highrise_id":0}}`, domain.ClientAttributes{HighriseID: new(int64(0))}},
		"-0.0 clears":                       {`{"client":{"highrise_id":-0.0}}`, domain.ClientAttributes{HighriseID: new(int64(0))}},
		"an empty text clears":              {`{"client":{"highrise_id":"","currency_symbol":"","details":""}}`, domain.ClientAttributes{HighriseID: new(int64(0)), CurrencySymbol: new(""), Details: new("")}},
		"a null highrise-id":                {`{"client":{"highrise_id":null}}`, domain.ClientAttributes{HighriseID: new(int64(0))}},
		"null details":                      {`{"client":{"details":null}}`, domain.ClientAttributes{Details: new("")}},
		"a null symbol":                     {`{"client":{"currency_symbol":null}}`, domain.ClientAttributes{DeriveSymbol: true}},
		"an empty symbol":                   {`{"client":{"currency_symbol":""}}`, domain.ClientAttributes{CurrencySymbol: new("")}},
		"members beside the client":         {`{"a":[{"client":1}],"client":{"name":"A"},"b":null,"a":{}}`, domain.ClientAttributes{Name: new("A")}},
		"members that cannot be written":    {`{"client":{"id":"x","created_at":null,"cache_version":-1e400,"last_invoice_kind":[]}}`, domain.ClientAttributes{}},
		"a member twice":                    {`{"client":{"name":"A","n\u0061me":"B"}}`, domain.ClientAttributes{Name: new("B")}},
		"unknown members, twice":            {`{"client":{"Name":"A","fax":1,"fax":{"name":"B"},"":null}}`, domain.ClientAttributes{}},
		"a real replacement character":      {`{"client":{"name":"` + "\uFFFD" + `\ufffd"}}`, domain.ClientAttributes{Name: new("\uFFFD\uFFFD")}},
		"deep nesting of an unknown member": {`{"client":{"x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}}`, domain.ClientAttributes{}},
		"what a GET returns, everything":    {everythingJSON, attributesOf(everything())},
		"what a GET returns, full of nulls": {nullsJSON, attributesOf(nulls())},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attributes, err := decodeJSON([]byte(c.document), "")
			require.NoError(t, err)
			require.Equal(t, c.want, attributes)
		})
	}
}

func TestDecodeJSONRefuses(t *testing.T) {
	t.Parallel()
	const (
		malformed = "The JSON is not well-formed."
		noObject  = `The JSON must be an object with the member "client", itself an object.`
		surrogate = "The JSON has an unpaired surrogate."
		utf8      = "The JSON is not valid UTF-8."
	)
	client := func(members string) string { return `{"client":{` + members + `}}` }
	for name, c := range map[string]struct{ document, reason string }{
		"nothing":                          {"", malformed},
		"blanks":                           {" \n", malformed},
		"XML":                              {"<client/>", malformed},
		"a text":                           {`"client"`, noObject},
		"a number":                         {`1`, noObject},
		"null":                             {`null`, noObject},
		"a list":                           {`[{"client":{"name":"A"}}]`, noObject},
		"an object without a client":       {`{"name":"A"}`, noObject},
		"an empty object":                  {`{}`, noObject},
		"a client in capitals":             {`{"Client":{"name":"A"}}`, noObject},
		"a client that is null":            {`{"client":null}`, noObject},
		"a client that is a list":          {`{"client":[]}`, noObject},
		"a client that is a text":          {`{"client":"A"}`, noObject},
		"a document cut off":               {`{"client":{"name":"A"}`, malformed},
		"a document cut off in a text":     {`{"client":{"name":"A`, malformed},
		"a document cut off in escape":     {`{"client":{"name":"\`, malformed},
		"something behind the document":    {`{"client":{}} {}`, malformed},
		"a brace too many":                 {`{"client":{}}}`, malformed},
		"NUL behind the document":          {"{\"client\":{}}\x00", malformed},
		"a comma too many":                 {client(`"name":"A",`), malformed},
		"single quotes":                    {`{'client':{}}`, malformed},
		"comments":                         {`{"client":{}/**/}`, malformed},
		"a raw line feed in a text":        {client("\"name\":\"a\nb\""), malformed},
		"a raw NUL in a text":              {client("\"name\":\"a\x00b\""), malformed},
		"a wrong escape":                   {client(`"name":"\x41"`), malformed},
		"half an escape":                   {client(`"name":"\u00"`), malformed},
		"NaN":                              {client(`"highrise_id":NaN`), malformed},
		"a number that begins with 0":      {client(`"highrise_id":007`), malformed},
		"endless nesting":                  {strings.Repeat("[", 500_000), malformed},
		"endless nesting of objects":       {strings.Repeat(`{"client":`, 50_000), malformed},
		"nesting too deep to be true":      {client(`"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)), malformed},
		"a null name":                      {client(`"name":null`), "Name can't be null."},
		"a null currency":                  {client(`"currency":null`), "Currency can't be null."},
		"a null active":                    {client(`"active":null`), "Active can't be null."},
		"a name that is a boolean":         {client(`"name":true`), "Name must be text."},
		"a name that is a list":            {client(`"name":["A"]`), "Name must be text."},
		"a name that is an object":         {client(`"name":{"name":"A"}`), "Name must be text."},
		"details that are a list":          {client(`"details":[]`), "Details must be text."},
		"a highrise-id below 0":            {client(`"highrise_id":-1`), notANumber},
		"a highrise-id of 2^63":            {client(`"highrise_id":9223372036854775808`), notANumber},
		"a highrise-id with a fraction":    {client(`"highrise_id":1.5`), notANumber},
		"a fraction with exponent":         {client(`"highrise_id":1.15e1`), notANumber},
		"a number below 1 with exponent":   {client(`"highrise_id":1e-400`), notANumber},
		"a text with exponent":             {client(`"highrise_id":"1e3"`), notANumber},
		"more than 2^53 with exponent":     {client(`"highrise_id":1e16`), notANumber},
		"2^53+1 with exponent":             {client(`"highrise_id":9007199254740993e0`), notANumber},
		"a fraction that no float has":     {client(`"highrise_id":5.00000000000000001`), notANumber},
		"a huge highrise-id":               {client(`"highrise_id":1e999999999`), notANumber},
		"a highrise-id of many digits":     {client(`"highrise_id":` + strings.Repeat("9", 10_000)), notANumber},
		"a highrise-id of words":           {client(`"highrise_id":"five"`), notANumber},
		"a highrise-id with a blank":       {client(`"highrise_id":"1 2"`), notANumber},
		"a text with a fraction":           {client(`"highrise_id":"1.5"`), notANumber},
		"a text of two points":             {client(`"highrise_id":"1.0.0"`), notANumber},
		"a point without digits":           {client(`"highrise_id":"1."`), notANumber},
		"a point alone":                    {client(`"highrise_id":".0"`), notANumber},
		"an empty boolean":                 {client(`"active":""`), notABool},
		"a boolean of 2":                   {client(`"active":2`), notABool},
		"a boolean of yes":                 {client(`"active":"yes"`), notABool},
		"a highrise-id that is true":       {client(`"highrise_id":true`), notANumber},
		"a highrise-id that is a list":     {client(`"highrise_id":[1]`), notANumber},
		"the first half of a pair":         {client(`"name":"\ud83d"`), surrogate},
		"the second half of a pair":        {client(`"name":"\uDE00"`), surrogate},
		"a pair in the wrong order":        {client(`"name":"\ude00\ud83d"`), surrogate},
		"a half and another character":     {client(`"name":"\ud83d\u0041"`), surrogate},
		"two first halves and a second":    {client(`"name":"\ud83d\ud83d\ude00"`), surrogate},
		"a half behind a backslash":        {client(`"name":"\\\ud83d"`), surrogate},
		"a half in an unknown member":      {client(`"x":"\ud83d"`), surrogate},
		"a half at the end of all":         {`"\ud83d`, surrogate},
		"a byte of ISO-8859-1":             {client("\"name\":\"\xE9\""), utf8},
		"an encoded surrogate":             {client("\"name\":\"\xED\xA0\x80\""), utf8},
		"wrong bytes in an unknown member": {client("\"x\":\"\xFF\""), utf8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := decodeJSON([]byte(c.document), "")
			require.Equal(t, c.reason, requireInvalid(t, err))
		})
	}
}
