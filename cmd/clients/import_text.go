package main

import (
	"bytes"
	"errors"
	"io"
	"regexp"
)

// listText is a list as it is read. What was read lately can be read once more, and the line of each offset in it is known.
type listText struct {
	r       io.Reader
	kept    []byte // from offset on
	offset  int64
	at      int64 // where reading goes on
	newline int   // how many there are before offset
	ended   bool  // there is no more behind what is kept
}

// How much is read at once, how much a client may have, which is more than a service takes, and how long the beginning
// of one may be that is looked for.
const (
	listChunk   = 64 << 10
	longestText = 4 << 20
	longestMark = 256
)

var errTooLong = errors.New("it is longer than 4 MiB")

// more reads on behind what is kept. The error is io.EOF at the end.
func (l *listText) more() error {
	if len(l.kept) > longestText {
		return errTooLong
	}
	if cap(l.kept)-len(l.kept) < listChunk/2 {
		l.kept = append(make([]byte, 0, 2*len(l.kept)+listChunk), l.kept...)
	}
	for {
		n, err := l.r.Read(l.kept[len(l.kept):min(cap(l.kept), len(l.kept)+listChunk)])
		if l.kept = l.kept[:len(l.kept)+n]; n > 0 {
			return nil
		}
		if err != nil {
			l.ended = err == io.EOF
			return err
		}
	}
}

// ahead is what is kept behind an offset, and at least so much where there is so much.
func (l *listText) ahead(offset int64, length int) ([]byte, error) {
	for len(l.kept)-int(offset-l.offset) < length {
		if err := l.more(); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
	}
	return l.kept[offset-l.offset:], nil
}

func (l *listText) Read(p []byte) (int, error) {
	text, err := l.ahead(l.at, 1)
	if err == nil && len(text) == 0 {
		err = io.EOF
	}
	n := copy(p, text)
	l.at += int64(n)
	return n, err
}

func (l *listText) ReadByte() (byte, error) {
	if i := l.at - l.offset; i < int64(len(l.kept)) {
		l.at++
		return l.kept[i], nil
	}
	var one [1]byte
	_, err := l.Read(one[:])
	return one[0], err
}

// exhausted tells whether all of the list has been read.
func (l *listText) exhausted() bool { return l.ended && l.at == l.offset+int64(len(l.kept)) }

// forget gives up what is before an offset.
func (l *listText) forget(offset int64) {
	gone := l.kept[:offset-l.offset]
	l.newline += bytes.Count(gone, []byte("\n"))
	l.kept, l.offset = l.kept[len(gone):], offset
}

// line is the one that an offset is in.
func (l *listText) line(offset int64) int {
	return l.newline + bytes.Count(l.kept[:offset-l.offset], []byte("\n")) + 1
}

// between is the text from one offset to another.
func (l *listText) between(from, to int64) []byte {
	return bytes.Clone(l.kept[from-l.offset : to-l.offset])
}

// find goes on from an offset to the next place that a mark matches, or to the end.
func (l *listText) find(from int64, mark *regexp.Regexp) (found bool, err error) {
	for {
		l.forget(from)
		if place := mark.FindIndex(l.kept); place != nil {
			l.at = l.offset + int64(place[0])
			return true, nil
		}
		from = l.offset + max(0, int64(len(l.kept)-longestMark)) // it may be cut
		l.forget(from)
		if err := l.more(); err == io.EOF {
			l.at = l.offset + int64(len(l.kept))
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
}
