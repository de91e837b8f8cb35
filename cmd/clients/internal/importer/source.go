package importer

import (
	"bufio"
	"bytes"
	"io"
)

// source is the text of a list. It keeps what was read since the last discard, and knows the line of each offset in it.
type source struct {
	r      *bufio.Reader
	kept   []byte // from offset base on
	base   int64
	passed int // newlines before base
}

func newSource(r io.Reader) *source { return &source{r: bufio.NewReaderSize(r, 64<<10)} }

// Read is for the JSON decoder.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.kept = append(s.kept, p[:n]...)
	return n, err
}

// ReadByte is for the XML decoder, which then reads nothing ahead.
func (s *source) ReadByte() (byte, error) {
	c, err := s.r.ReadByte()
	if err == nil {
		s.kept = append(s.kept, c)
	}
	return c, err
}

// discard forgets what is before an offset.
func (s *source) discard(offset int64) {
	n := offset - s.base
	s.passed += bytes.Count(s.kept[:n], []byte("\n"))
	s.kept = append(s.kept[:0], s.kept[n:]...)
	s.base = offset
}

// from returns what was read from an offset on. It is valid until the next read or discard.
func (s *source) from(offset int64) []byte { return s.kept[offset-s.base:] }

// line returns the line of an offset, 1 for the first.
func (s *source) line(offset int64) int {
	return s.passed + bytes.Count(s.kept[:offset-s.base], []byte("\n")) + 1
}
