package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	"clients/transport/wire"
)

// listedClient is a client in a list, as it stands there, or what stands there in the place of one.
type listedClient struct {
	position int    // 1 for the first
	line     int    // where it begins
	fault    string // why it cannot be read; there is nothing more then
	id       string // that it had; "" where it names none
	kind     string // content type
	document []byte
	defaults bool   // it has a default-invoice-timeframe or a last-invoice-kind
	key      string // digest of the document, and which one it is of those that are alike
}

// errList tells that something is no list, or none to its end.
var errList = errors.New("the list cannot be read")

// readList hands on the clients of a list, one after the other. One that is not well-formed comes with its fault, and the
// list is read on where the next client begins. It answers errList where the list is none, or ends too early, after what
// comes before that place.
func readList(r io.Reader, each func(listedClient) error) error {
	converted, lossy, err := wire.StreamUTF8(r)
	var syntax *wire.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%w: nobody knows the encoding that it declares", errList)
	}
	if err != nil {
		return err
	}
	text := &listText{r: converted}
	count := 0
	take := func(c listedClient) error {
		count++
		c.position = count
		if lossy && bytes.ContainsRune(c.document, '\uFFFD') {
			c = listedClient{position: count, line: c.line, fault: "it has bytes that mean nothing in the encoding of the list"}
		}
		return each(c)
	}
	for {
		begin, err := text.ahead(text.at, 1)
		switch {
		case err != nil:
			return err
		case len(begin) == 0:
			return fmt.Errorf("%w: it is empty", errList)
		case begin[0] == '<':
			return (&xmlList{text: text, each: take}).read()
		case begin[0] == '[':
			return (&jsonList{text: text, each: take}).read()
		case !bytes.ContainsAny(begin[:1], " \t\r\n"):
			return fmt.Errorf("%w: it begins neither with < nor with [", errList)
		}
		text.at++
	}
}

// oldID is the id that the client had, as a number; 0 where there is none.
func (c listedClient) oldID() int64 {
	id, _ := strconv.ParseInt(c.id, 10, 64)
	return id
}

// digest names what is said of the client, wherever it stands in whichever list.
func (c listedClient) digest() string {
	sum := sha256.Sum256(c.document)
	return hex.EncodeToString(sum[:16])
}
