package transport

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

var revision = domain.Revision{Version: 10, Checksum: 0xBEEF}

// compressed is the tag of an answer that was sent compressed.
func compressed(tag string) string { return strings.TrimSuffix(tag, `"`) + tagCompressed + `"` }

func TestTagsTellRevisionsAndFormatsApart(t *testing.T) {
	t.Parallel()
	require.Regexp(t, `^"[0-9a-f-]+-xml"$`, tag(revision, formatXML), "a strong tag")
	require.NotEqual(t, tag(revision, formatXML), tag(revision, formatJSON))
	require.NotEqual(t, tag(revision, formatXML), tag(domain.Revision{Version: 10, Checksum: 0xBEF0}, formatXML))
	require.NotEqual(t, tag(revision, formatXML), tag(domain.Revision{Version: 11, Checksum: 0xBEEF}, formatXML))
}

func TestParseTag(t *testing.T) {
	t.Parallel()
	for _, want := range []domain.Revision{{}, revision, {Version: math.MaxUint64, Checksum: math.MaxUint64}} {
		for _, f := range []format{formatXML, formatJSON} {
			got, ok := parseTag(tag(want, f))
			require.True(t, ok)
			require.Equal(t, want, got)
		}
	}
	got, ok := parseTag(compressed(tag(revision, formatJSON)))
	require.True(t, ok, "a compressed answer is of the same revision")
	require.Equal(t, revision, got)
}

func TestParseTagRefuses(t *testing.T) {
	t.Parallel()
	for _, given := range []string{
		"", `"`, `""`, `"a"`, `"a-beef"`, `"--"`, `"a--xml"`, `"-beef-xml"`, `"g-beef-xml"`, `"a-xyz-xml"`, `"-1-beef-xml"`,
		`"10000000000000000-beef-xml"`, `"a-10000000000000000-xml"`, `a-beef-xml`, `"a-beef-xml`, `a-beef-xml"`,
		`W/"a-beef-xml"`, `'a-beef-xml'`, `*`,
	} {
		t.Run(given, func(t *testing.T) {
			t.Parallel()
			_, ok := parseTag(given)
			require.False(t, ok)
		})
	}
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	other := domain.Revision{Version: 11, Checksum: 1}
	for name, c := range map[string]struct {
		given []string
		want  []domain.Revision
	}{
		"is open where it is missing":         {nil, nil},
		"is open where any will do":           {[]string{"*"}, nil},
		"is not open behind another tag":      {[]string{tag(other, formatXML) + ", *"}, []domain.Revision{other}},
		"is not open within a tag":            {[]string{`"a,*,b"`}, []domain.Revision{}},
		"names one revision":                  {[]string{tag(revision, formatXML)}, []domain.Revision{revision}},
		"names it in either format":           {[]string{tag(revision, formatJSON)}, []domain.Revision{revision}},
		"names it compressed":                 {[]string{compressed(tag(revision, formatXML))}, []domain.Revision{revision}},
		"names several":                       {[]string{tag(revision, formatXML) + " ,\t" + tag(other, formatJSON)}, []domain.Revision{revision, other}},
		"names several in lines of their own": {[]string{tag(revision, formatXML), tag(other, formatXML)}, []domain.Revision{revision, other}},
		"passes over tags of others":          {[]string{`"abc", ` + tag(revision, formatXML)}, []domain.Revision{revision}},
		"is matched by nothing where weak":    {[]string{"W/" + tag(revision, formatXML)}, []domain.Revision{}},
		"is matched by nothing where foreign": {[]string{`"abc"`}, []domain.Revision{}},
		"is matched by nothing where empty":   {[]string{""}, []domain.Revision{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			if c.given != nil {
				header["If-Match"] = c.given
			}
			require.Equal(t, c.want, ifMatch(header))
		})
	}
}

func TestNoneMatch(t *testing.T) {
	t.Parallel()
	current := tag(revision, formatXML)
	for name, c := range map[string]struct {
		given []string
		want  bool
	}{
		"missing":                   {nil, false},
		"empty":                     {[]string{""}, false},
		"the tag itself":            {[]string{current}, true},
		"the tag, weak":             {[]string{"W/" + current}, true},
		"the tag, compressed":       {[]string{compressed(tag(revision, formatXML))}, true},
		"the tag, compressed, weak": {[]string{"W/" + compressed(current)}, true},
		"the tag among others":      {[]string{`"abc" , ` + current + `,"def"`}, true},
		"the tag in a second line":  {[]string{`"abc"`, current}, true},
		"any":                       {[]string{" * "}, true},
		"an asterisk within a tag":  {[]string{`"a,*,b"`}, false},
		"the tag of another format": {[]string{tag(revision, formatJSON)}, false},
		"an older tag":              {[]string{tag(domain.Revision{Version: 9, Checksum: 0xBEEF}, formatXML)}, false},
		"the tag without quotes":    {[]string{strings.Trim(current, `"`)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			if c.given != nil {
				header["If-None-Match"] = c.given
			}
			require.Equal(t, c.want, noneMatch(header, current) != "")
		})
	}
}
