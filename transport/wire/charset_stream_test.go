package wire_test

import (
	"io"
	"strings"
	"testing"

	"clients/transport/wire"

	"github.com/stretchr/testify/require"
)

func TestStreamUTF8(t *testing.T) {
	t.Parallel()
	const xml = `<?xml version="1.0" encoding="`
	for document, want := range map[string]struct {
		text  string
		lossy bool
	}{
		"":                             {"", false},
		"<a>ü</a>":                     {"<a>ü</a>", false},
		"\xEF\xBB\xBF<a>ü</a>":         {"<a>ü</a>", false},
		xml + `utf-8"?>` + "\xFC":      {xml + `utf-8"?>` + "\xFC", false}, // for others to refuse
		xml + `UTF-16"?>ü`:             {xml + `UTF-16"?>ü`, false},
		xml + `iso-8859-1"?>` + "\xFC": {xml + `iso-8859-1"?>ü`, true},
		xml + `us-ascii"?>` + "a\xFC":  {xml + `us-ascii"?>a` + "\uFFFD", true},
		xml + `US-ASCII"?>ü`:           {xml + `US-ASCII"?>` + "\uFFFD", true},
		"\xFE\xFF\x00[\x00\xFC":        {"[ü", true},
		"\xFF\xFE[\x00\xFC\x00":        {"[ü", true},
		"\xFF\xFE\x00\xD8[\x00":        {"\uFFFD[", true},
		xml + `shift_jis"?>` + "\xFF":  {xml + `shift_jis"?>` + "\uFFFD", true},
	} {
		r, lossy, err := wire.StreamUTF8(strings.NewReader(document))
		require.NoError(t, err, "%q", document)
		require.Equal(t, want.lossy, lossy, "%q", document)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, want.text, string(text))
	}
	_, _, err := wire.StreamUTF8(strings.NewReader(xml + `klingon"?>`))
	var syntax *wire.SyntaxError
	require.ErrorAs(t, err, &syntax)
}
