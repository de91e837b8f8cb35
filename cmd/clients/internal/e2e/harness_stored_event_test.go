package e2e_test

import (
	"bytes"
	"crypto/sha256"
	little "encoding/binary"
	"fmt"
	"hash/crc64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/highwayhash"
	"github.com/stretchr/testify/require"
)

// storedEvent is an event in a NATS server's file: a record of
//
//	length 4, sequence 8, time 8, length of the subject 2, subject, length of the headers 4, headers, body, hash 8
//
// A record without headers lacks their length as well, and the highest bit of its length is not set.
type storedEvent struct {
	t      *testing.T
	record []byte
}

// alterEvent alters the event of a sequence, and gives it the hash that the server expects.
func alterEvent(t *testing.T, path string, sequence uint64, alter func(*storedEvent)) {
	t.Helper()
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	rest := file
	for little.LittleEndian.Uint64(rest[4:]) != sequence {
		rest = rest[recordLength(rest):]
	}
	e := &storedEvent{t: t, record: rest[:recordLength(rest)]}
	alter(e)
	subject := 22 + int(little.LittleEndian.Uint16(e.record[20:]))
	end := len(e.record) - 8
	key := sha256.Sum256([]byte("CLIENTS-" + strings.TrimSuffix(filepath.Base(path), ".blk")))
	hash, err := highwayhash.NewDigest64(key[:])
	require.NoError(t, err)
	content := subject
	if little.LittleEndian.Uint32(e.record)&(1<<31) != 0 { // there are headers, and so their length
		content += 4
	}
	for _, part := range [][]byte{e.record[4:20], e.record[22:subject], e.record[content:end]} {
		_, _ = hash.Write(part)
	}
	copy(e.record[end:], hash.Sum(nil))
	require.NoError(t, os.WriteFile(path, file, 0o600))
}

// recordLength returns the length of the first of records.
func recordLength(records []byte) int { return int(little.LittleEndian.Uint32(records) &^ (1 << 31)) }

// replace replaces a text by one of the same length.
func (e *storedEvent) replace(old, by string) {
	e.t.Helper()
	require.Len(e.t, by, len(old))
	at := bytes.Index(e.record, []byte(old))
	require.Positive(e.t, at, old)
	copy(e.record[at:], by)
}

// sum makes ce-checksum right.
func (e *storedEvent) sum() {
	e.t.Helper()
	subject := 22 + int(little.LittleEndian.Uint16(e.record[20:]))
	headers := string(e.record[subject+4:][:little.LittleEndian.Uint32(e.record[subject:])])
	header := func(name string) string {
		_, rest, _ := strings.Cut(headers, "\r\n"+name+": ") // "" without it
		value, _, _ := strings.Cut(rest, "\r\n")
		return value
	}
	sum := crc64.New(crc64.MakeTable(crc64.ECMA))
	for _, part := range []string{
		string(e.record[22:subject]), header("ce-id"), header("ce-type"), header("ce-clientversion"), header("ce-time"),
		string(e.record[subject+4+len(headers) : len(e.record)-8]),
	} {
		_, _ = sum.Write(append([]byte(part), 0))
	}
	e.replace("ce-checksum: "+header("ce-checksum"), fmt.Sprintf("ce-checksum: %016x", sum.Sum64()))
}
