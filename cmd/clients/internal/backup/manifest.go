package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"clients/eventstore/files"

	"github.com/nats-io/jsm.go"
	"github.com/nats-io/jsm.go/api"
)

// manifest lists what is in a backup. It is written last: a folder without one is not a backup.
type manifest struct {
	Format  int              `json:"format"` // 1
	MadeAt  time.Time        `json:"made_at"`
	Version string           `json:"version"` // of this program
	Streams []manifestStream `json:"streams"`
}

type manifestStream struct {
	Name     string            `json:"name"`
	First    uint64            `json:"first_sequence"`
	Last     uint64            `json:"last_sequence"`
	Messages uint64            `json:"messages"` // when the copy began; it may lack messages that were replaced since
	Files    map[string]string `json:"files"`    // SHA-256 by name
}

const manifestFile = "manifest.json"

// write syncs everything in the folder, and then writes the manifest.
func (m manifest) write(folder string) (err error) {
	for i, stream := range m.Streams {
		if m.Streams[i].Files, err = checksums(filepath.Join(folder, stream.Name)); err != nil {
			return err
		}
	}
	content, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := files.SyncTree(folder); err != nil {
		return err
	}
	if err := files.Replace(filepath.Join(folder, manifestFile), append(content, '\n')); err != nil {
		return err
	}
	return files.Sync(filepath.Dir(folder))
}

// Backup is a backup whose files were verified.
type Backup struct {
	folder   string
	manifest manifest
}

// Open reads a backup and verifies all of its files.
func Open(folder string) (*Backup, error) {
	content, err := os.ReadFile(filepath.Join(folder, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: not a complete backup: no %s", folder, manifestFile)
	}
	if err != nil {
		return nil, err
	}
	b := &Backup{folder: folder}
	if err := json.Unmarshal(content, &b.manifest); err != nil || b.manifest.Format != 1 {
		return nil, fmt.Errorf("%s: invalid, or written by a later release", filepath.Join(folder, manifestFile))
	}
	var names []string
	for _, stream := range b.manifest.Streams {
		names = append(names, stream.Name)
	}
	if !slices.Equal(names, Streams(false)) && !slices.Equal(names, Streams(true)) {
		return nil, fmt.Errorf("%s: not a complete backup: unexpected streams in the manifest: %s", folder, strings.Join(names, ", "))
	}
	for _, stream := range b.manifest.Streams {
		found, err := checksums(filepath.Join(folder, stream.Name))
		if err != nil {
			return nil, err
		}
		for name, sum := range stream.Files {
			if found[name] != sum {
				return nil, fmt.Errorf("stream %s: file %s is missing or changed", stream.Name, name)
			}
		}
		meta, err := readStreamMeta(filepath.Join(folder, stream.Name))
		if err != nil {
			return nil, err
		}
		if meta.State.LastSeq != stream.Last || meta.State.Msgs != stream.Messages {
			return nil, fmt.Errorf("stream %s: %s does not match %s", stream.Name, manifestFile, jsm.SnapshotMetaFile)
		}
	}
	return b, nil
}

// checksums returns the SHA-256 of the files of a folder, by name.
func checksums(folder string) (map[string]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	sums := make(map[string]string)
	for _, entry := range entries {
		file, err := os.Open(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		hash := sha256.New()
		_, err = io.Copy(hash, file)
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		sums[entry.Name()] = hex.EncodeToString(hash.Sum(nil))
	}
	return sums, nil
}

// streamMeta is what JetStream stores with the messages of a backup. Its JSON is also the body of a restore request.
type streamMeta struct {
	Config api.StreamConfig `json:"config"`
	State  api.StreamState  `json:"state"`
}

func readStreamMeta(folder string) (meta streamMeta, err error) {
	content, err := os.ReadFile(filepath.Join(folder, jsm.SnapshotMetaFile))
	if err == nil {
		err = json.Unmarshal(content, &meta)
	}
	return meta, err
}
