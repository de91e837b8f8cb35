package snapshot

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"time"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/projections/references"
)

// coder writes values, or reads them in the same order: a number as a varint, a text behind its length. It has either a
// writer or a reader. After the first error it reads zeros.
type coder struct {
	w       *bufio.Writer
	r       *bufio.Reader
	scratch []byte
	err     error

	nameAndDetails []byte // of the client that was read last
	nameLength     int

	numbers map[string]uint64 // of shared texts that were written
	texts   []string          // shared texts that were read
}

func (c *coder) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// number codes an integer as a varint.
func number[T ~int | ~int64 | ~uint64](c *coder, n *T) {
	if c.w != nil {
		c.scratch = binary.AppendUvarint(c.scratch[:0], uint64(*n))
		_, _ = c.w.Write(c.scratch) // Flush returns the first error
		return
	}
	*n = T(c.read())
}

func (c *coder) read() uint64 {
	if c.err != nil {
		return 0
	}
	ahead, err := c.r.Peek(binary.MaxVarintLen64)
	n, length := binary.Uvarint(ahead)
	if length <= 0 {
		c.fail(errors.Join(errors.New("invalid number"), err))
		return 0
	}
	_, _ = c.r.Discard(length)
	return n
}

func (c *coder) flag(f *bool) {
	n := 0
	if *f {
		n = 1
	}
	number(c, &n)
	*f = n == 1
}

// time codes 0 for no time.
func (c *coder) time(t *time.Time) {
	n := int64(0)
	if !t.IsZero() {
		n = t.UnixNano()
	}
	if number(c, &n); c.w != nil {
		return
	}
	if *t = (time.Time{}); n != 0 {
		*t = time.Unix(0, n).UTC()
	}
}

func (c *coder) point(p *references.Point) {
	number(c, &p.Generation)
	number(c, &p.Sequence)
}

// maxText bounds what a damaged length can ask for.
const maxText = 1 << 20

// length codes the length of a text.
func (c *coder) length(text string) int {
	n := len(text)
	if number(c, &n); n < 0 || n > maxText {
		c.fail(errors.New("text too long"))
		return 0
	}
	return n
}

func (c *coder) readBytes(into []byte, length int) []byte {
	into = slices.Grow(into[:0], length)[:length]
	if c.err == nil {
		_, c.err = io.ReadFull(c.r, into)
	}
	return into
}

func (c *coder) text(text *string) {
	length := c.length(*text)
	if c.w != nil {
		_, _ = c.w.WriteString(*text)
		return
	}
	c.scratch = c.readBytes(c.scratch, length)
	*text = string(c.scratch)
}

// names codes the name and the details of a client: both lengths, then both texts. It reads them into
// nameAndDetails, from which the entry is made without a copy of each.
func (c *coder) names(client *domain.Client) {
	name, details := c.length(client.Name), c.length(client.Details)
	if c.w != nil {
		_, _ = c.w.WriteString(client.Name)
		_, _ = c.w.WriteString(client.Details)
		return
	}
	c.nameAndDetails, c.nameLength = c.readBytes(c.nameAndDetails, name+details), name
}

// shared codes a text that was coded before as its number, and others as 0 and the text.
func (c *coder) shared(text *string) {
	n := c.numbers[*text] // 0 when reading
	number(c, &n)
	switch {
	case n == 0 && c.w != nil:
		c.text(text)
		if len(c.numbers) < readmodel.MaxTexts {
			c.numbers[*text] = uint64(len(c.numbers)) + 1
		}
	case n == 0:
		c.text(text)
		if len(c.texts) < readmodel.MaxTexts {
			c.texts = append(c.texts, *text)
		}
	case c.w != nil:
	case n > uint64(len(c.texts)):
		c.fail(errors.New("invalid text reference"))
	default:
		*text = c.texts[n-1]
	}
}
