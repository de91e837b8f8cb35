package transport_test

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// etag is the name of the header as old libraries expect it; net/http spells it Etag.
var etag = "ETag"

// gzipped returns the tag of a response that was sent compressed.
func gzipped(tag string) string { return strings.TrimSuffix(tag, `"`) + `-gzip"` }

// tag returns the tag that a GET shows for a revision, in the format of a suffix.
func (s *service) tag(revision domain.Revision, suffix string) string {
	s.t.Helper()
	current := s.revision
	defer func() { s.revision = current }()
	s.revision = revision
	tags := s.send(http.MethodGet, "/clients/7"+suffix, "").Header()[etag]
	require.Len(s.t, tags, 1)
	require.Regexp(s.t, `^"[^"]+"$`, tags[0], "a strong tag")
	return tags[0]
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	s := newService(t)
	now, other := s.revision, domain.Revision{Version: 11, Checksum: 1}
	asXML, asJSON, otherXML := s.tag(now, ".xml"), s.tag(now, ".json"), s.tag(other, ".xml")
	require.NotEqual(t, asXML, asJSON)
	require.NotEqual(t, asXML, otherXML)
	require.NotEqual(t, asXML, s.tag(domain.Revision{Version: now.Version, Checksum: 0xBEF0}, ".xml"))
	none := []domain.Revision{}
	for name, c := range map[string]struct {
		given []string
		want  []domain.Revision
	}{
		"missing":                   {nil, nil},
		"any":                       {[]string{"*"}, nil},
		"any, among tags":           {[]string{otherXML + ", *"}, []domain.Revision{other}},
		"an asterisk within a tag":  {[]string{`"a,*,b"`}, none},
		"XML":                       {[]string{asXML}, []domain.Revision{now}},
		"JSON":                      {[]string{asJSON}, []domain.Revision{now}},
		"compressed":                {[]string{gzipped(asXML)}, []domain.Revision{now}},
		"several":                   {[]string{asXML + " ,\t" + otherXML}, []domain.Revision{now, other}},
		"several headers":           {[]string{asXML, otherXML}, []domain.Revision{now, other}},
		"a foreign tag before":      {[]string{`"abc", ` + asXML}, []domain.Revision{now}},
		"weak":                      {[]string{"W/" + asXML}, none},
		"empty":                     {[]string{""}, none},
		"empty quotes":              {[]string{`""`}, none},
		"one part":                  {[]string{`"a"`}, none},
		"two parts":                 {[]string{`"a-beef"`}, none},
		"no numbers":                {[]string{`"--"`}, none},
		"no checksum":               {[]string{`"a--xml"`}, none},
		"no version":                {[]string{`"-beef-xml"`}, none},
		"a version that is none":    {[]string{`"g-beef-xml"`}, none},
		"a negative version":        {[]string{`"-1-beef-xml"`}, none},
		"a version beyond 64 bits":  {[]string{`"10000000000000000-beef-xml"`}, none},
		"a checksum beyond 64 bits": {[]string{`"a-10000000000000000-xml"`}, none},
		"without quotes":            {[]string{strings.Trim(asXML, `"`)}, none},
		"without the last quote":    {[]string{strings.TrimSuffix(asXML, `"`)}, none},
	} {
		var headers []string
		for _, given := range c.given {
			headers = append(headers, "If-Match: "+given)
		}
		require.Equal(t, c.want, s.command(http.MethodPut, "/clients/7", inXML, headers...).IfMatch, name)
	}
	for _, revision := range []domain.Revision{{}, {Version: math.MaxUint64, Checksum: math.MaxUint64}} {
		require.Equal(t, []domain.Revision{revision}, s.command(http.MethodDelete, "/clients/7", "", "If-Match: "+s.tag(revision, ".xml")).IfMatch)
	}
}

func TestIfNoneMatch(t *testing.T) {
	t.Parallel()
	s := newService(t)
	current := s.tag(s.revision, ".xml")
	older := s.tag(domain.Revision{Version: 9, Checksum: s.revision.Checksum}, ".xml")
	for name, c := range map[string]struct {
		given []string
		known string // the tag of a 304
	}{
		"missing":                   {nil, ""},
		"empty":                     {[]string{""}, ""},
		"the tag":                   {[]string{current}, current},
		"the tag, weak":             {[]string{"W/" + current}, current},
		"the tag, compressed":       {[]string{gzipped(current)}, gzipped(current)},
		"the tag, compressed, weak": {[]string{"W/" + gzipped(current)}, gzipped(current)},
		"the tag among others":      {[]string{`"abc" , ` + current + `,"def"`}, current},
		"the tag in a second line":  {[]string{`"abc"`, current}, current},
		"any":                       {[]string{" * "}, current},
		"an asterisk within a tag":  {[]string{`"a,*,b"`}, ""},
		"the tag of another format": {[]string{s.tag(s.revision, ".json")}, ""},
		"an older tag":              {[]string{older}, ""},
		"the tag without quotes":    {[]string{strings.Trim(current, `"`)}, ""},
	} {
		var headers []string
		for _, given := range c.given {
			headers = append(headers, "If-None-Match: "+given)
		}
		w := s.send(http.MethodGet, "/clients/7", "", headers...)
		require.Equal(t, c.known != "", w.Code == http.StatusNotModified, name)
		if c.known != "" {
			require.Equal(t, c.known, w.Header()[etag][0], name)
		}
	}
}
