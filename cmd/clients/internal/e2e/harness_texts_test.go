package e2e_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// texts are long random texts of one client.
type texts []string

func (s *texts) next() string {
	text := rand.Text() + rand.Text()
	*s = append(*s, text)
	return text
}

// find returns where the texts are in the files of a folder: as they are, in snapshots, which are compressed, and in backups.
func (s *texts) find(t testing.TB, folder string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && entry.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			return nil
		}
		if strings.HasSuffix(path, ".s2") {
			content, err = io.ReadAll(s2.NewReader(bytes.NewReader(content)))
		}
		for _, form := range [][]byte{content, unpacked(content)} {
			for i, text := range *s {
				if bytes.Contains(form, []byte(text)) {
					found = append(found, fmt.Sprintf("%s: text %d", path, i))
				}
			}
		}
		return err
	})
	require.NoError(t, err)
	return found
}

// unpacked returns what begins anywhere in content as a frame of zstd.
func unpacked(content []byte) (all []byte) {
	decoder, _ := zstd.NewReader(nil)
	defer decoder.Close()
	for _, frame := range bytes.Split(content, []byte{0x28, 0xB5, 0x2F, 0xFD})[1:] {
		_ = decoder.Reset(bytes.NewReader(append([]byte{0x28, 0xB5, 0x2F, 0xFD}, frame...)))
		plain, _ := io.ReadAll(decoder) // up to the next record of the file
		all = append(all, plain...)
	}
	return all
}

// in returns those of found that are in a stream.
func in(stream string, found []string) (some []string) {
	for _, f := range found {
		if strings.Contains(f, "/"+stream+"/") {
			some = append(some, f)
		}
	}
	return some
}
