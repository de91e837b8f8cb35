package main

import (
	"bytes"
	"mime/multipart"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

const asForm = "Content-Type: application/x-www-form-urlencoded"

// The Rails way of naming attributes: client[name]=…, with the names of the XML or the JSON form.
func TestRailsAttributesInTheQueryString(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.want(201, "POST", "/clients?client[name]=Supr+Corp&client[highrise-id]=7&client[active]=false&client%5Bdetails%5D=a%26b%0Ac", "").id(t)
	v := a.get(id)
	require.Equal(t, "Supr Corp", v.Name)
	require.Equal(t, int64(7), *v.HighriseID)
	require.False(t, v.Active)
	require.Equal(t, "a&b\nc", v.Details)

	a.want(200, "PUT", path(id)+"?client%5Bcurrency%5D=Euro+-+EUR&client[highrise_id]=&client[active]=1&other=x", "")
	v = a.get(id)
	require.Equal(t, "Supr Corp", v.Name, "PUT changes only what it names")
	require.Equal(t, "Euro - EUR", v.Currency)
	require.Equal(t, "€", v.CurrencySymbol)
	require.Nil(t, v.HighriseID)
	require.True(t, v.Active)
}

func TestRailsAttributesInAForm(t *testing.T) {
	t.Parallel()
	a := launch(t)
	form := url.Values{"client[name]": {"Süpr & Corp"}, "client[currency_symbol]": {"$$"}, "client[details]": {"line\nfeed"}, "commit": {"Save"}}
	id := a.want(201, "POST", "/clients", form.Encode(), asForm).id(t)
	v := a.get(id)
	require.Equal(t, []string{"Süpr & Corp", "$$", "line\nfeed"}, []string{v.Name, v.CurrencySymbol, v.Details})
	got := a.want(200, "PUT", path(id), "client[name]=Other&client[active]=0", asForm)
	require.Equal(t, path(id), got.header.Get("Location"))
	require.Equal(t, "Other", a.get(id).Name)
	require.False(t, a.get(id).Active)
	require.Equal(t, "$$", a.get(id).CurrencySymbol)
}

func TestRailsAttributesInAMultipartForm(t *testing.T) {
	t.Parallel()
	a := launch(t)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(t, form.WriteField("client[name]", "SuprCorp"))
	require.NoError(t, form.WriteField("client[highrise-id]", "110011"))
	require.NoError(t, form.WriteField("client[details]", "a=b&c\r\nd"))
	require.NoError(t, form.Close())
	v := a.get(a.want(201, "POST", "/clients", body.String(), "Content-Type: "+form.FormDataContentType()).id(t))
	require.Equal(t, "SuprCorp", v.Name)
	require.Equal(t, int64(110011), *v.HighriseID)
	require.Equal(t, "a=b&c\r\nd", v.Details)
}

func TestRailsAttributesTogetherWithABody(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.want(201, "POST", "/clients?client[details]=from+the+query", "<client><name>From the body</name></client>", asXML).id(t)
	require.Equal(t, "From the body", a.get(id).Name)
	require.Equal(t, "from the query", a.get(id).Details)
}

func TestRailsAttributesThatAreBad(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	last := a.tap().lastSequence()
	for _, attributes := range []string{
		"client[name]=", "client[name]=+", "client[name]=x&client[highrise-id]=-1", "client[name]=x&client[highrise-id]=many",
		"client[name]=x&client[active]=maybe", "client[name]=x%00", "client[name]=x%FF", "client[name]=%zz", "client[currency]=+",
	} {
		for method, p := range map[string]string{"POST": "/clients", "PUT": path(id)} {
			require.NotEmpty(t, a.want(400, method, p+"?"+attributes, "").header.Get("Hint"), attributes)
			require.NotEmpty(t, a.want(400, method, p, attributes, asForm).header.Get("Hint"), attributes)
		}
	}
	a.want(400, "POST", "/clients", "name=x", asForm)
	a.want(400, "POST", "/clients", "--b\r\nbroken", "Content-Type: multipart/form-data; boundary=b")
	a.want(400, "POST", "/clients", "no boundary", "Content-Type: multipart/form-data")
	require.Equal(t, last, a.tap().lastSequence())
}
