package projections

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"time"
)

func (s *snapshotDecoder) moment() moment {
	return moment{incarnation: int(s.number()), sequence: s.number()}
}

func (s *snapshotDecoder) time() time.Time {
	n := s.number()
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(n)).UTC()
}

func (s *snapshotDecoder) flag() bool { return s.number() == 1 }

func (s *snapshotDecoder) text() string { return s.bytes(s.length()) }

func (s *snapshotDecoder) shared() string {
	if n := s.number(); n > 0 {
		if n > uint64(len(s.texts)) {
			s.fail(errors.New("it names a text that it does not have"))
			return ""
		}
		return s.texts[n-1]
	}
	text := s.d.texts.intern(s.text())
	if len(s.texts) < maxTexts {
		s.texts = append(s.texts, text)
	}
	return text
}

// maxSnapshotText bounds what a damaged length can ask for.
const maxSnapshotText = 1 << 20

// length reads the length of a text.
func (s *snapshotDecoder) length() int {
	n := s.number()
	if n > maxSnapshotText {
		s.fail(errors.New("it has a text that is too long"))
		return 0
	}
	return int(n)
}

func (s *snapshotDecoder) bytes(n int) string {
	if s.err != nil || n == 0 {
		return ""
	}
	s.buffer = slices.Grow(s.buffer[:0], n)[:n]
	if _, err := io.ReadFull(s.r, s.buffer); err != nil {
		s.fail(err)
		return ""
	}
	return string(s.buffer)
}

func (s *snapshotDecoder) number() uint64 {
	if s.err != nil {
		return 0
	}
	n, err := binary.ReadUvarint(s.r)
	if err != nil {
		s.fail(err)
		return 0
	}
	return n
}

func (s *snapshotDecoder) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}
