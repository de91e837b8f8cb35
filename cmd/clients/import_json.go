package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// jsonList reads [{"client":{…}}, …]. Commas between clients may be there or not.
type jsonList struct {
	text *listText
	each func(listedClient) error
}

// jsonMark is where a client begins. No text within a client can hold it, since quotes in there are escaped.
var (
	jsonMark     = regexp.MustCompile(`\{\s*"client"\s*:`)
	jsonMarkHere = regexp.MustCompile(`^\{\s*"client"\s*:`)
)

func (j *jsonList) read() error {
	j.text.at++ // the [
	for {
		j.text.forget(j.text.at)
		start := j.text.at
		c, err := j.text.ReadByte()
		switch {
		case err == io.EOF:
			return fmt.Errorf("%w any further: it ends in line %d without ]", errList, j.text.line(start))
		case err != nil:
			return err
		case bytes.IndexByte([]byte(" \t\r\n,"), c) >= 0:
			continue
		case c == ']':
			return j.rest()
		case c == '{':
			err = j.element(start)
		default:
			err = j.goOn(start, start+1, "there is something that is no client")
		}
		if errors.Is(err, errListEnds) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// rest insists that nothing follows the list.
func (j *jsonList) rest() error {
	for {
		j.text.forget(j.text.at)
		c, err := j.text.ReadByte()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if bytes.IndexByte([]byte(" \t\r\n"), c) < 0 {
			return fmt.Errorf("%w any further: something follows the ] in line %d", errList, j.text.line(j.text.at-1))
		}
	}
}

// element hands on the object that begins at start.
func (j *jsonList) element(start int64) error {
	text := false
	for depth := 1; depth > 0; {
		at := j.text.at
		c, err := j.text.ReadByte()
		switch {
		case err == io.EOF:
			return j.goOn(start, at, "the list ends within it")
		case errors.Is(err, errTooLong):
			return j.goOn(start, start+1, errTooLong.Error())
		case err != nil:
			return err
		case text && c < ' ':
			return j.goOn(start, at, fmt.Sprintf("it is not well-formed: a text has no end in line %d", j.text.line(at)))
		case c == '{' && j.marked(at):
			return j.goOn(start, at, "it has no end before the next client")
		case text && c == '\\':
			_, _ = j.text.ReadByte()
		case c == '"':
			text = !text
		case text:
		case c == '{', c == '[':
			depth++
		case c == '}', c == ']':
			depth--
		}
	}
	document := j.text.between(start, j.text.at)
	if err := json.Unmarshal(document, new(json.RawMessage)); err != nil {
		fault := start
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			fault += min(max(syntax.Offset-1, 0), int64(len(document)))
		}
		return j.each(listedClient{line: j.text.line(start), fault: fmt.Sprintf("it is not well-formed in line %d", j.text.line(fault))})
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, document); err != nil {
		return err
	}
	item := listedClient{line: j.text.line(start), kind: "application/json", document: compact.Bytes()}
	var known struct {
		Client struct {
			ID        json.Number
			Timeframe *string `json:"default_invoice_timeframe"`
			Kind      *string `json:"last_invoice_kind"`
		}
	}
	if json.Unmarshal(document, &known) == nil {
		item.id, item.defaults = known.Client.ID.String(), valueOf(known.Client.Timeframe)+valueOf(known.Client.Kind) != ""
	}
	return j.each(item)
}

// marked tells whether a client begins at an offset.
func (j *jsonList) marked(at int64) bool {
	ahead, err := j.text.ahead(at, longestMark)
	if err != nil {
		return false
	}
	return jsonMarkHere.Match(ahead[:min(len(ahead), longestMark)])
}

// goOn tells what is wrong from start on, and reads on with the next client at or behind an offset.
func (j *jsonList) goOn(start, from int64, reason string) error {
	if err := j.each(listedClient{line: j.text.line(start), fault: reason}); err != nil {
		return err
	}
	found, err := j.text.find(from, jsonMark)
	if err == nil && !found {
		err = errListEnds
	}
	return err
}
