package wire_test

import (
	"net/url"
	"testing"

	"clients/domain"
	"clients/transport/wire"

	"github.com/stretchr/testify/require"
)

func TestDecodeForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		query string
		found bool
		want  domain.ClientAttributes
	}{
		"every attribute that can be written": {
			"client[name]=Company+LLC&client[highrise_id]=110011&client[currency]=Euro+-+EUR&client[currency_symbol]=%E2%82%AC&client[active]=false&client[details]=a%0Ab",
			true,
			domain.ClientAttributes{
				Name: new("Company LLC"), HighriseID: new(int64(110011)), Currency: new("Euro - EUR"),
				CurrencySymbol: new("€"), Active: new(false), Details: new("a\nb"),
			},
		},
		"encoded brackets":               {"client%5Bname%5D=A", true, domain.ClientAttributes{Name: new("A")}},
		"names with hyphens":             {"client[highrise-id]=7&client[currency-symbol]=", true, domain.ClientAttributes{HighriseID: new(int64(7)), CurrencySymbol: new("")}},
		"the last of two values":         {"client[name]=A&client[name]=B", true, domain.ClientAttributes{Name: new("B")}},
		"a check box":                    {"client[active]=0&client[active]=1", true, domain.ClientAttributes{Active: new(true)}},
		"a highrise-id of 0":             {"client[highrise_id]=0", true, domain.ClientAttributes{HighriseID: new(int64(0))}},
		"an empty highrise-id":           {"client[highrise_id]=", true, domain.ClientAttributes{HighriseID: new(int64(0))}},
		"unknown attributes":             {"client[fax]=1&client[id]=x&client[]=&client[name][x]=y", true, domain.ClientAttributes{}},
		"names beside the client":        {"name=A&client=B&project[name]=C&client[name=D&clients[name]=E&client]=F", false, domain.ClientAttributes{}},
		"nothing":                        {"", false, domain.ClientAttributes{}},
		"one attribute, spelled two way": {"client[highrise-id]=1&client[highrise_id]=2", true, domain.ClientAttributes{HighriseID: new(int64(2))}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values, err := url.ParseQuery(c.query)
			require.NoError(t, err)
			var attributes domain.ClientAttributes
			found, err := wire.DecodeForm(values, "", &attributes)
			require.NoError(t, err)
			require.Equal(t, c.found, found)
			require.Equal(t, c.want, attributes)
		})
	}
}

func TestDecodeFormAddsToAttributes(t *testing.T) {
	t.Parallel()
	attributes := domain.ClientAttributes{Name: new("A"), Details: new("kept")}
	found, err := wire.DecodeForm(url.Values{"client[name]": {"B"}}, "", &attributes)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, domain.ClientAttributes{Name: new("B"), Details: new("kept")}, attributes)
}

func TestDecodeFormRefuses(t *testing.T) {
	t.Parallel()
	for query, reason := range map[string]string{
		"client[active]=":                                     notABool,
		"client[active]=on":                                   notABool,
		"client[highrise_id]=-1":                              notANumber,
		"client[highrise_id]=9223372036854775808":             notANumber,
		"client[highrise_id]=x&client[active]=x&client[fax]=": notABool, // the first by its name, always
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			for range 20 {
				values, err := url.ParseQuery(query)
				require.NoError(t, err)
				found, err := wire.DecodeForm(values, "", &domain.ClientAttributes{})
				require.True(t, found)
				require.Equal(t, reason, requireInvalid(t, err))
			}
		})
	}
}

// A form that declares an encoding may be UTF-8 nevertheless.
func TestDecodeFormConvertsWhatIsNotUTF8(t *testing.T) {
	t.Parallel()
	for label, names := range map[string]map[string]string{
		"":             {"%C3%A9": "é", "%E9": "\xE9"}, // which the domain refuses
		"utf-8":        {"%C3%A9": "é", "%E9": "\xE9"},
		"ISO-8859-1":   {"%C3%A9": "é", "%E9": "é", "A+B": "A B"},
		"windows-1252": {"%80": "€"},
		"klingon":      {"%C3%A9": "é"},
	} {
		for encoded, name := range names {
			values, err := url.ParseQuery("client[name]=" + encoded)
			require.NoError(t, err)
			var attributes domain.ClientAttributes
			_, err = wire.DecodeForm(values, label, &attributes)
			require.NoError(t, err)
			require.Equal(t, domain.ClientAttributes{Name: &name}, attributes, "%s as %s", encoded, label)
		}
	}
	_, err := wire.DecodeForm(url.Values{"client[name]": {"\xE9"}}, "klingon", &domain.ClientAttributes{})
	require.Equal(t, "The encoding of the document is not supported.", requireInvalid(t, err))
}
