package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// listedClient is a client in a list, as it stands there.
type listedClient struct {
	position int // 1 for the first
	line     int // where it begins
	offset   int64
	id       string // that it had; "" where it names none
	kind     string // content type
	document []byte
}

// errList tells that a list ends in what is none.
var errList = errors.New("the list cannot be read")

// readList hands on the clients of a list, one after the other. It answers errList where the list is none, after what
// comes before that place.
func readList(r io.Reader, each func(listedClient) error) error {
	lines := &lineCounter{r: bufio.NewReaderSize(r, 1<<20)}
	first, err := lines.r.Peek(3)
	if bytes.Equal(first, []byte("\xEF\xBB\xBF")) {
		_, _ = lines.r.Discard(3)
	}
	for {
		head, err := lines.r.Peek(1)
		if err != nil {
			return fmt.Errorf("%w: it is empty", errList)
		}
		if head[0] == '<' {
			return readXMLList(lines, each)
		}
		if head[0] == '[' {
			return readJSONList(lines, each)
		}
		if !bytes.ContainsAny(head, " \t\r\n") {
			break
		}
		_, _ = lines.Read(make([]byte, 1))
	}
	return errors.Join(fmt.Errorf("%w: it begins neither with < nor with [", errList), err)
}

// lineCounter keeps what was read lately, and knows in which line each offset is.
type lineCounter struct {
	r       *bufio.Reader
	kept    []byte // from offset on
	offset  int64
	newline int // before offset
}

func (l *lineCounter) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.kept = append(l.kept, p[:n]...)
	return n, err
}

// forget gives up what is before an offset.
func (l *lineCounter) forget(offset int64) {
	gone := l.kept[:offset-l.offset]
	l.newline += bytes.Count(gone, []byte("\n"))
	l.kept, l.offset = append([]byte(nil), l.kept[len(gone):]...), offset
}

// between is the text from one offset to another, and the line that it begins in.
func (l *lineCounter) between(from, to int64) (text []byte, line int) {
	l.forget(from)
	return bytes.Clone(l.kept[:to-from]), l.newline + 1
}

func readXMLList(lines *lineCounter, each func(listedClient) error) error {
	decoder := xml.NewDecoder(lines)
	start := lines.offset
	root, position := false, 0
	for {
		before := decoder.InputOffset()
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) && root {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errList, err)
		}
		element, isStart := token.(xml.StartElement)
		if !isStart {
			continue
		}
		if !root {
			if element.Name.Local != "clients" {
				return fmt.Errorf("%w: its root is <%s>, and not <clients>", errList, element.Name.Local)
			}
			root = true
			continue
		}
		if element.Name.Local != "client" {
			return fmt.Errorf("%w: there is a <%s> in it", errList, element.Name.Local)
		}
		if err := decoder.Skip(); err != nil {
			return fmt.Errorf("%w: %w", errList, err)
		}
		position++
		item := listedClient{position: position, offset: decoder.InputOffset(), kind: "application/xml"}
		item.document, item.line = lines.between(start+before, start+item.offset)
		var known struct {
			ID string `xml:"id"`
		}
		if xml.Unmarshal(item.document, &known) == nil {
			item.id = known.ID
		}
		if err := each(item); err != nil {
			return err
		}
	}
}

func readJSONList(lines *lineCounter, each func(listedClient) error) error {
	decoder := json.NewDecoder(lines)
	start := lines.offset
	if _, err := decoder.Token(); err != nil {
		return fmt.Errorf("%w: %w", errList, err)
	}
	for position := 1; decoder.More(); position++ {
		var document json.RawMessage
		if err := decoder.Decode(&document); err != nil {
			return fmt.Errorf("%w: %w", errList, err)
		}
		item := listedClient{position: position, offset: decoder.InputOffset(), kind: "application/json", document: document}
		_, item.line = lines.between(start+item.offset-int64(len(document)), start+item.offset)
		var known struct{ Client struct{ ID json.Number } }
		if json.Unmarshal(document, &known) == nil {
			item.id = known.Client.ID.String()
		}
		if err := each(item); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return fmt.Errorf("%w: %w", errList, err)
	}
	return nil
}

// oldID is the id that the client had, as a number; 0 where there is none.
func (l listedClient) oldID() int64 {
	id, _ := strconv.ParseInt(l.id, 10, 64)
	return id
}
