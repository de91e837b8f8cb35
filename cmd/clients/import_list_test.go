package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// readShown reads a list, a few bytes at a time and at once, and shows each client as line:name, or as line!fault.
func readShown(t *testing.T, list string) (shown []string, err error) {
	t.Helper()
	for attempt, r := range []io.Reader{strings.NewReader(list), iotest.OneByteReader(strings.NewReader(list))} {
		var again []string
		err = readList(r, func(c listedClient) error {
			require.Equal(t, len(again)+1, c.position)
			if c.fault != "" {
				again = append(again, fmt.Sprintf("%d!%s", c.line, c.fault))
				return nil
			}
			name := strings.NewReplacer("<client>", "", "</client>", "", "<name>", "", "</name>", "", `{"client":{"name":"`, "", `"}}`, "").Replace(string(c.document))
			name = clip(name)
			again = append(again, fmt.Sprintf("%d:%s", c.line, name))
			return nil
		})
		if attempt > 0 {
			require.Equal(t, shown, again)
		}
		shown = again
	}
	return shown, err
}

func one(name string) string     { return "<client><name>" + name + "</name></client>" }
func oneJSON(name string) string { return `{"client":{"name":"` + name + `"}}` }

// What is broken is told by its line, and what comes behind it is read.
func TestImportReadsOnBehindWhatIsBroken(t *testing.T) {
	t.Parallel()
	const letter = "there is text that belongs to no client"
	for list, want := range map[string][]string{
		// XML
		"<clients>" + one("A") + "\n" + one("B") + "</clients>\n":                                             {"1:A", "2:B"},
		"<clients>\n<client><name>A</client>\n" + one("B") + "\n</clients>":                                   {"2!it is not well-formed: line 2: element <name> closed by </client>", "3:B"},
		"<clients>\n<client>\n<name>A&nbsp;</name>\n</client>\n" + one("B") + "\n</clients>":                  {"2!it is not well-formed: line 3: invalid character entity &nbsp;", "5:B"},
		"<clients>\n<client><name>A</name>\n" + one("B") + "\n" + one("C") + "\n</clients>":                   {"2!it has no end before the next client", "3:B", "4:C"},
		"<clients>\n" + one("A") + "\n<client><name>B</name>\n</clients>":                                     {"2:A", "3!it is not well-formed: line 4: element <client> closed by </clients>"},
		"<clients><client><name><![CDATA[<client>x]]></name></client>" + one("B") + "</clients>":              {"1:<![CDATA[x]]>", "1:B"},
		"<clients>\n<client><name><![CDATA[<client><name>x]]></wrong></client>\n" + one("B") + "</clients>":   {"2!it is not well-formed: line 2: element <name> closed by </wrong>", "3:B"},
		"<clients>\n<client><name><![CDATA[x</name></client>\n" + one("B") + "\n" + one("C") + "\n</clients>": {"2!the list ends within it", "3:B", "4:C"},
		"<clients>\n<client <name>A</name></client>\n" + one("B") + "</clients>":                              {"2!it is not well-formed: line 2: expected attribute name in element", "3:B"},
		"<clients>\n<project><id>1</id></project>\n" + one("B") + "</clients>":                                {"2!there is a <project>, which is no client", "3:B"},
		"<clients>\n<page>\n" + one("B") + "</clients>":                                                       {"2!there is a <page>, which is no client", "3:B"},
		"<clients>\nx " + one("A") + "\n & " + one("B") + "</clients>":                                        {"1!" + letter, "2:A", "2!it is not well-formed: line 3: invalid character entity & (no semicolon)", "3:B"},
		"<clients>\n" + one("A\x01") + one("B\xff") + "\n" + one("C") + "</clients>":                          {"2!it is not well-formed: line 2: illegal character code U+0001", "2!it is not well-formed: line 2: invalid UTF-8", "3:C"},
		"<clients>\n" + one(strings.Repeat("x\n", longestText/2+listChunk)) + "\n" + one("B") + "</clients>":  {"2!it is longer than 4 MiB", fmt.Sprintf("%d:B", 3+longestText/2+listChunk)},
		"<clients>" + one("A") + "\n<client><name>Rest ":                                                      {"1:A", "2!the list ends within it"},
		"\xEF\xBB\xBF\n <clients type=\"array\"/>\n<!-- end -->\n":                                            nil,
		// JSON
		"[]": nil,
		"[" + oneJSON("A") + ",\n" + oneJSON("B") + "]\n":                                          {"1:A", "2:B"},
		"[\n" + oneJSON("A") + "\n" + oneJSON("B") + ",\n]":                                        {"2:A", "3:B"},
		"[\n{\"client\":{\"name\":\n\"A\",}},\n" + oneJSON("B") + "]":                              {"2!it is not well-formed in line 3", "4:B"},
		"[\n" + `{"client":{"name":"A"},` + "\n" + oneJSON("B") + "]":                              {"2!it has no end before the next client", "3:B"},
		"[\n" + `{"client":{"name":"A}},` + "\n" + oneJSON("B") + "]":                              {"2!it is not well-formed: a text has no end in line 2", "3:B"},
		"[\n" + `{"client":{"name":"A"B"}}, ` + oneJSON("C") + "]":                                 {"2!it has no end before the next client", "2:C"},
		"[\n" + `{"client":{"name":"A \" {\"client\":{"}},` + oneJSON("B") + "]":                   {`2:A \" {\"client\":{`, "2:B"},
		"[\n1, null,\n" + oneJSON("B") + "]":                                                       {"2!there is something that is no client", "3:B"},
		"[" + oneJSON("A") + ",\n" + `{"client":`:                                                  {"1:A", "2!the list ends within it"},
		"[\n" + oneJSON(strings.Repeat("x", longestText+2*listChunk)) + ",\n" + oneJSON("B") + "]": {"2!it is longer than 4 MiB", "3:B"},
	} {
		shown, err := readShown(t, list)
		require.NoError(t, err, clip(list))
		require.Equal(t, want, shown, clip(list))
	}
}

func TestImportReadsListsInOtherEncodings(t *testing.T) {
	t.Parallel()
	const latin = `<?xml version="1.0" encoding="ISO-8859-1"?>` + "\n"
	wide := func(text string) string {
		var b strings.Builder
		b.WriteString("\xFF\xFE")
		for _, r := range text {
			b.Write([]byte{byte(r), byte(r >> 8)})
		}
		return b.String()
	}
	for list, want := range map[string][]string{
		latin + "<clients>\n" + one("S\xF6hne") + "</clients>":                                    {"3:Söhne"},
		wide("<clients>" + one("Söhne") + "</clients>"):                                           {"1:Söhne"},
		wide("[" + oneJSON("Söhne €") + "]"):                                                      {"1:Söhne €"},
		strings.Replace(latin, "ISO-8859-1", "UTF-16", 1) + "<clients>" + one("ö") + "</clients>": {"2:ö"},
	} {
		shown, err := readShown(t, list)
		require.NoError(t, err)
		require.Equal(t, want, shown)
	}
	shown, err := readShown(t, strings.Replace(latin, "ISO-8859-1", "Shift_JIS", 1)+"<clients>\n"+one("\xFF")+"\n"+one("B")+"</clients>")
	require.NoError(t, err)
	require.Equal(t, []string{"3!it has bytes that mean nothing in the encoding of the list", "4:B"}, shown)
}

func TestImportTellsWhatIsNoList(t *testing.T) {
	t.Parallel()
	for list, told := range map[string]string{
		"":                               "it is empty",
		" \n":                            "it is empty",
		"id,name":                        "it begins neither with < nor with [",
		"<!-- nothing -->":               "there is no <clients> in it",
		"<clients":                       "line 1: the list ends within it",
		one("One"):                       "its root is <client>",
		"<clients>" + one("A"):           "any further: it ends in line 1 without </clients>",
		"<clients>\n<!-- x -->\n\n":      "any further: it ends in line 4 without </clients>",
		"<clients></clients>\n<clients>": "any further: something follows </clients> in line 2",
		"[" + oneJSON("A") + ",\n":       "any further: it ends in line 2 without ]",
		"[]\n[":                          "any further: something follows the ] in line 2",
		`<?xml version="1.0" encoding="klingon"?><clients/>`: "nobody knows the encoding",
	} {
		_, err := readShown(t, list)
		require.ErrorIs(t, err, errList, list)
		require.Contains(t, err.Error(), told, list)
	}
	broken := errors.New("the disk is gone")
	require.ErrorIs(t, readList(io.MultiReader(strings.NewReader("<clients>"), iotest.ErrReader(broken)), nil), broken)
	require.ErrorIs(t, readList(io.MultiReader(strings.NewReader("[{"), iotest.ErrReader(broken)), nil), broken)
}

// A client is known again in a list that was mended, however lines end and blanks stand in it.
func TestImportKnowsAClientAgain(t *testing.T) {
	t.Parallel()
	digests := func(list string) (all []string) {
		require.NoError(t, readList(strings.NewReader(list), func(c listedClient) error { all = append(all, c.digest()); return nil }))
		return all
	}
	require.Equal(t, digests("<clients>"+"<client>\n<id>1</id></client></clients>"), digests("<clients>\r\n\r\n<client>\r\n<id>1</id></client></clients>"))
	require.Equal(t, digests("["+oneJSON("A")+"]"), digests("[ "+strings.ReplaceAll(oneJSON("A"), ":", " :\n")+"]"))
	require.NotEqual(t, digests("["+oneJSON("A")+"]"), digests("["+oneJSON("a")+"]"))
}
