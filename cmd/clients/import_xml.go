package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// xmlList reads <clients><client>…</client>…</clients>.
type xmlList struct {
	text    *listText
	each    func(listedClient) error
	decoder *xml.Decoder
	base    int64 // what the decoder's offsets count from
	token   int64 // where the token that was read last begins
}

const xmlRoot = "<clients>"

// xmlMark is where a client begins.
var xmlMark = regexp.MustCompile(`<client[\s/>]`)

// begin reads on from where the text is. Inside of the list, the decoder is told of the root once more.
func (x *xmlList) begin(inside bool) {
	x.base = x.text.at
	root := ""
	if inside {
		root = xmlRoot
		x.base -= int64(len(root))
	}
	x.decoder = xml.NewDecoder(&rootedText{strings.NewReader(root), x.text})
	x.decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil } // it is UTF-8 by now
	if inside {
		_, _ = x.decoder.Token()
	}
}

// rootedText is a text behind the beginning of a root. It is read byte by byte, so that the decoder reads nothing ahead.
type rootedText struct {
	root *strings.Reader
	text *listText
}

func (r *rootedText) Read(p []byte) (int, error) {
	if r.root.Len() > 0 {
		return r.root.Read(p)
	}
	return r.text.Read(p)
}

func (r *rootedText) ReadByte() (byte, error) {
	if r.root.Len() > 0 {
		return r.root.ReadByte()
	}
	return r.text.ReadByte()
}

func (x *xmlList) next() (xml.Token, error) {
	x.token = x.base + x.decoder.InputOffset()
	return x.decoder.Token()
}

func (x *xmlList) read() error {
	x.begin(false)
	if err := x.root(); err != nil {
		return err
	}
	for {
		token, err := x.next()
		x.text.forget(x.token)
		if err == nil {
			switch token := token.(type) {
			case xml.StartElement:
				err = x.element(x.token, token.Name.Local)
			case xml.EndElement:
				return x.rest()
			case xml.CharData:
				if len(bytes.TrimSpace(token)) > 0 {
					err = x.each(listedClient{line: x.text.line(x.token), fault: "there is text that belongs to no client"})
				}
			}
		} else if x.text.exhausted() && len(bytes.TrimSpace(x.text.kept)) == 0 {
			return fmt.Errorf("%w any further: it ends in line %d without </clients>", errList, x.text.line(x.token))
		}
		if err = x.mend(x.token, x.token, err); err != nil {
			if errors.Is(err, errListEnds) {
				return nil
			}
			return err
		}
	}
}

// root reads up to the clients.
func (x *xmlList) root() error {
	for {
		token, err := x.next()
		if reason, broken := x.reason(err); broken {
			return fmt.Errorf("%w: line %d: %s", errList, x.text.line(x.token), reason)
		}
		if err == io.EOF {
			return fmt.Errorf("%w: there is no <clients> in it", errList)
		}
		if err != nil {
			return err
		}
		if element, isStart := token.(xml.StartElement); isStart && element.Name.Local != "clients" {
			return fmt.Errorf("%w: its root is <%s>, and not <clients>", errList, element.Name.Local)
		} else if isStart {
			return nil
		}
	}
}

// rest insists that nothing follows the list.
func (x *xmlList) rest() error {
	for {
		token, err := x.next()
		if err == io.EOF {
			return nil
		}
		if _, broken := x.reason(err); err != nil && !broken {
			return err
		}
		content, isText := token.(xml.CharData)
		_, isComment := token.(xml.Comment)
		if !isComment && (!isText || len(bytes.TrimSpace(content)) > 0) {
			return fmt.Errorf("%w any further: something follows </clients> in line %d", errList, x.text.line(x.token))
		}
	}
}

// element hands on what begins at start.
func (x *xmlList) element(start int64, name string) error {
	item := listedClient{line: x.text.line(start), kind: "application/xml"}
	if name != "client" {
		item.fault = fmt.Sprintf("there is a <%s>, which is no client", name)
	}
	for depth := 1; depth > 0; {
		token, err := x.next()
		if err != nil {
			return x.mend(start, x.token, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth++; token.Name.Local == "client" {
				if item.fault == "" {
					item.fault = "it has no end before the next client"
				}
				return x.goOn(item, x.token)
			}
		case xml.EndElement:
			depth--
		}
	}
	if item.fault == "" {
		item.document = bytes.ReplaceAll(x.text.between(start, x.base+x.decoder.InputOffset()), []byte("\r\n"), []byte("\n")) // as XML has it
		var known struct {
			ID        string `xml:"id"`
			Timeframe string `xml:"default-invoice-timeframe"`
			Kind      string `xml:"last-invoice-kind"`
		}
		if xml.Unmarshal(item.document, &known) == nil {
			item.id, item.defaults = strings.TrimSpace(known.ID), strings.TrimSpace(known.Timeframe+known.Kind) != ""
		}
	}
	return x.each(item)
}

// mend tells of what is not well-formed from start on, where that is what err says, and reads on behind the fault.
func (x *xmlList) mend(start, fault int64, err error) error {
	reason, broken := x.reason(err)
	if !broken {
		return err
	}
	return x.goOn(listedClient{line: x.text.line(start), fault: reason}, max(fault, start+1))
}

// errListEnds tells that there is no further client to go on with.
var errListEnds = errors.New("the list ends")

// goOn hands on what is wrong, and reads on with the next client at or behind an offset.
func (x *xmlList) goOn(item listedClient, from int64) error {
	if err := x.each(item); err != nil {
		return err
	}
	found, err := x.text.find(min(from, x.text.offset+int64(len(x.text.kept))), xmlMark)
	if err == nil && !found {
		err = errListEnds
	}
	x.begin(true)
	return err
}

// reason says what is not well-formed, where that is why the decoder does not go on.
func (x *xmlList) reason(err error) (reason string, broken bool) {
	var syntax *xml.SyntaxError
	switch {
	case errors.Is(err, errTooLong):
		return err.Error(), true
	case !errors.As(err, &syntax):
		return "", false
	case x.text.exhausted():
		return "the list ends within it", true
	}
	at := x.text.line(min(x.base+x.decoder.InputOffset(), x.text.offset+int64(len(x.text.kept))))
	return fmt.Sprintf("it is not well-formed: line %d: %s", at, syntax.Msg), true
}
