package wire

import (
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"clients/domain"
)

// maxDepth bounds how deep elements may nest. A client needs two levels.
const maxDepth = 32

// DecodeXML sets the attributes that a <client> element names. The document must be well-formed, without a DOCTYPE, and
// have no other content. label is the encoding named by the Content-Type; if it is "" the XML declaration counts. Some
// attributes may be set when it returns an error.
func DecodeXML(document []byte, label string, a *domain.ClientAttributes) error {
	document, err := xmlToUTF8(document, label)
	if err != nil {
		return err
	}
	if text := string(document); domain.Representable(text) != text { // also in comments
		return errMalformed
	}
	x := xmlDecoder{Decoder: xml.NewDecoder(bytes.NewReader(document)), document: document, attributes: a}
	x.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	err = x.decode()
	if err != nil && domain.KindOf(err) != domain.Invalid {
		err = errMalformed
	}
	return err
}

var errMalformed = invalidf("The XML is not well-formed.")

type xmlDecoder struct {
	*xml.Decoder
	document   []byte
	attributes *domain.ClientAttributes
	depth      int  // of the open elements
	found      bool // the root element has begun

	// The child of the root element that is open.
	name    string
	kind    kind
	isNil   bool
	content strings.Builder
}

// decode reads the whole document. It refuses a DOCTYPE wherever it is, and what the standard library accepts though it is
// not well-formed.
func (x *xmlDecoder) decode() error {
	for {
		start := x.InputOffset()
		token, err := x.Token()
		if err == io.EOF && !x.found {
			return invalidf("The document is empty.")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.Directive:
			return invalidf("A DOCTYPE is not accepted.")
		case xml.ProcInst:
			err = x.instruction(token, start)
		case xml.StartElement:
			err = x.start(token, x.document[start:x.InputOffset()])
		case xml.EndElement:
			err = x.end()
		case xml.CharData:
			err = x.text(token, x.document[start:x.InputOffset()])
		}
		if err != nil {
			return err
		}
	}
}

// instruction checks a processing instruction, which an XML declaration is to the decoder.
func (x *xmlDecoder) instruction(i xml.ProcInst, start int64) error {
	isDeclaration := strings.EqualFold(i.Target, "xml")
	switch next := x.document[start+int64(len("<?"+i.Target))]; {
	case isDeclaration && len(bytes.TrimSpace(x.document[:start])) > 0:
		return invalidf("The XML declaration must be at the beginning.")
	case isDeclaration && (i.Target != "xml" || !declared10.Match(i.Inst)), !strings.ContainsRune(" \t\r\n?", rune(next)):
		return errMalformed
	}
	return nil
}

// declared10 matches what a declaration says. startTag matches a start tag with blanks between its attributes.
var (
	declared10 = regexp.MustCompile(`^version\s*=\s*("1\.0"|'1\.0')(\s+encoding\s*=\s*("[A-Za-z][\w.:-]*"|'[A-Za-z][\w.:-]*'))?(\s+standalone\s*=\s*("(yes|no)"|'(yes|no)'))?\s*$`)
	startTag   = regexp.MustCompile(`^<[^\s"'/>]+(\s+[^\s"'=]+\s*=\s*("[^"]*"|'[^']*'))*\s*/?>$`)
)

// start reads a start tag; raw is how it is written.
func (x *xmlDecoder) start(e xml.StartElement, raw []byte) error {
	if len(e.Attr) > 0 {
		if err := checkAttributes(e.Attr, raw); err != nil {
			return err
		}
	}
	x.depth++
	switch {
	case x.depth > maxDepth:
		return invalidf("The XML is nested too deeply.")
	case x.depth > 2:
		x.kind = compound
	case x.depth == 2:
		x.name, x.kind, x.isNil = e.Name.Local, untyped, isNil(e)
		x.content.Reset()
	case x.found:
		return invalidf("Nothing may follow the <client> element.")
	case e.Name.Local != "client":
		return invalidf("The root element must be <client>.")
	default:
		return x.root(e)
	}
	return nil
}

// root reads the start tag of the root element. Its XML attributes are attributes of the client, as in Rails.
func (x *xmlDecoder) root(e xml.StartElement) error {
	x.found = true
	for _, a := range e.Attr {
		if a.Name.Space != "" {
			continue
		}
		if err := set(x.attributes, a.Name.Local, value{text: a.Value}); err != nil {
			return err
		}
	}
	return nil
}

func (x *xmlDecoder) end() error {
	x.depth--
	if x.depth != 1 {
		return nil
	}
	v := value{kind: x.kind, text: x.content.String()}
	if v.kind != compound && x.isNil && strings.TrimSpace(v.text) == "" {
		v.kind = null
	}
	return set(x.attributes, x.name, v)
}

// text reads character data; raw is how it is written.
func (x *xmlDecoder) text(text, raw []byte) error {
	switch {
	case surrogateReference(raw):
		return errSurrogate
	case x.depth > 1:
		x.content.Write(text)
	case x.depth == 1 && len(bytes.TrimSpace(text)) == 0, len(bytes.Trim(raw, " \t\r\n")) == 0:
	case x.depth == 1:
		return invalidf("The <client> element has text outside of its elements.")
	case x.found:
		return invalidf("Nothing may follow the <client> element.")
	default:
		return invalidf("The document is not XML.")
	}
	return nil
}

// checkAttributes refuses attributes of a start tag that the standard library accepts though they are not well-formed; raw is how the
// tag is written.
func checkAttributes(attributes []xml.Attr, raw []byte) error {
	if surrogateReference(raw) {
		return errSurrogate
	}
	if !startTag.Match(raw) {
		return errMalformed
	}
	seen := make(map[xml.Name]bool, len(attributes))
	for _, a := range attributes {
		if seen[a.Name] {
			return invalidf("An element has the same attribute twice.")
		}
		seen[a.Name] = true
	}
	return nil
}

func isNil(start xml.StartElement) bool {
	for _, a := range start.Attr {
		if a.Name.Local == "nil" {
			return a.Value == "true" || a.Value == "1"
		}
	}
	return false
}

var errSurrogate = invalidf("The XML has an unpaired surrogate.")

// surrogateReference reports whether raw character data or a raw tag refers to half of a surrogate pair, &#xD800; or the like. The
// standard library would silently read it as another character.
func surrogateReference(raw []byte) bool {
	if bytes.HasPrefix(raw, []byte("<![CDATA[")) {
		return false
	}
	for _, rest, found := bytes.Cut(raw, []byte("&#")); found; _, rest, found = bytes.Cut(rest, []byte("&#")) {
		digits, _, _ := bytes.Cut(rest, []byte(";"))
		base := 10
		if hex, ok := bytes.CutPrefix(digits, []byte("x")); ok {
			digits, base = hex, 16
		}
		if n, err := strconv.ParseInt(string(digits), base, 32); err == nil && utf16.IsSurrogate(rune(n)) {
			return true
		}
	}
	return false
}
