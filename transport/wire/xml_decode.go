package wire

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"

	"clients/domain"
)

// maxDepth bounds how deep elements may nest. A client needs two levels.
const maxDepth = 32

// DecodeXML sets the attributes that a <client> element names. The document must be well-formed, without a DOCTYPE, and
// have no other content. label is the encoding named by the Content-Type; if it is "" the XML declaration counts. Every
// error is a *SyntaxError; some attributes may be set then.
func DecodeXML(document []byte, label string, a *domain.ClientAttributes) error {
	document, err := xmlToUTF8(document, label)
	if err != nil {
		return err
	}
	x := xmlDecoder{Decoder: xml.NewDecoder(bytes.NewReader(document)), document: document, attributes: a, seen: make(map[string]bool)}
	x.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	err = x.client()
	var syntax *SyntaxError
	if err != nil && !errors.As(err, &syntax) {
		err = syntaxErrorf("The XML is not well-formed.")
	}
	return err
}

type xmlDecoder struct {
	*xml.Decoder
	document   []byte
	attributes *domain.ClientAttributes
	seen       map[string]bool
}

// client reads the whole document.
func (x *xmlDecoder) client() error {
	root, err := x.root()
	if err != nil {
		return err
	}
	if root.Name.Local != "client" {
		return syntaxErrorf("The root element must be <client>.")
	}
	for {
		token, err := x.next()
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if err := x.attribute(token); err != nil {
				return err
			}
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return syntaxErrorf("There is text outside of the client's elements.")
			}
		case xml.EndElement:
			return x.end()
		}
	}
}

// next is the next token that matters. A DOCTYPE is refused wherever it stands, and so is what the standard library
// lets pass though it is not well-formed.
func (x *xmlDecoder) next() (xml.Token, error) {
	for {
		start := x.InputOffset()
		token, err := x.Token()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.Directive:
			return nil, syntaxErrorf("A DOCTYPE is not accepted.")
		case xml.ProcInst:
			if token.Target == "xml" && len(bytes.TrimSpace(x.document[:start])) > 0 {
				return nil, syntaxErrorf("The XML declaration does not stand at the beginning.")
			}
		case xml.Comment:
		case xml.StartElement:
			return token, uniqueAttributes(token)
		case xml.CharData:
			if surrogateReference(x.document[start:x.InputOffset()]) {
				return nil, syntaxErrorf("The XML has half of a surrogate pair.")
			}
			return token, nil
		default:
			return token, nil
		}
	}
}

func uniqueAttributes(start xml.StartElement) error {
	seen := make(map[xml.Name]bool, len(start.Attr))
	for _, a := range start.Attr {
		if seen[a.Name] {
			return syntaxErrorf("An attribute of an element stands there twice.")
		}
		seen[a.Name] = true
	}
	return nil
}

// surrogateReference reports whether raw character data refers to half of a surrogate pair, &#xD800; or the like. The
// standard library would silently read it as another character.
func surrogateReference(raw []byte) bool {
	if bytes.HasPrefix(raw, []byte("<![CDATA[")) {
		return false
	}
	for {
		_, rest, found := bytes.Cut(raw, []byte("&#"))
		if !found {
			return false
		}
		digits, _, _ := bytes.Cut(rest, []byte(";"))
		base := 10
		if hex, ok := bytes.CutPrefix(digits, []byte("x")); ok {
			digits, base = hex, 16
		}
		if n, err := strconv.ParseUint(string(digits), base, 32); err == nil && n>>11 == 0xD800>>11 {
			return true
		}
		raw = rest
	}
}

func (x *xmlDecoder) root() (xml.StartElement, error) {
	for {
		token, err := x.next()
		if err == io.EOF {
			return xml.StartElement{}, syntaxErrorf("The document is empty.")
		}
		if err != nil {
			return xml.StartElement{}, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			return token, nil
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return xml.StartElement{}, syntaxErrorf("The document is not XML.")
			}
		}
	}
}

// end insists that nothing follows the root element.
func (x *xmlDecoder) end() error {
	for {
		token, err := x.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if blank, ok := token.(xml.CharData); !ok || len(bytes.TrimSpace(blank)) > 0 {
			return syntaxErrorf("Something follows the <client> element.")
		}
	}
}

// attribute reads one child of <client>.
func (x *xmlDecoder) attribute(start xml.StartElement) error {
	v, err := x.value(start)
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(start.Name.Local, "-", "_")
	if _, known := setters[name]; known && x.seen[name] {
		return syntaxErrorf("The element <%s> stands there twice.", strings.ReplaceAll(name, "_", "-"))
	}
	x.seen[name] = true
	return set(x.attributes, name, v)
}

func (x *xmlDecoder) value(start xml.StartElement) (value, error) {
	v := value{}
	var content strings.Builder
	for depth := 1; depth > 0; {
		token, err := x.next()
		if err != nil {
			return v, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			v.kind = compound
			if depth++; depth > maxDepth {
				return v, syntaxErrorf("The XML is nested too deeply.")
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			content.Write(token)
		}
	}
	v.text = content.String()
	if v.kind != compound && isNil(start) && strings.TrimSpace(v.text) == "" {
		v.kind = null
	}
	return v, nil
}

func isNil(start xml.StartElement) bool {
	for _, a := range start.Attr {
		if a.Name.Local == "nil" {
			return a.Value == "true" || a.Value == "1"
		}
	}
	return false
}
