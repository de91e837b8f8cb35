package main

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

	"clients/eventstore/embedded"

	"github.com/nats-io/jsm.go"
	"github.com/nats-io/jsm.go/api"
)

// manifest says what is in a backup. It is written last: without it there is none.
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
	Messages uint64            `json:"messages"` // at the moment of the copy, which may lack some that were replaced since
	Files    map[string]string `json:"files"`    // their SHA-256, by name
}

const manifestFile = "manifest.json"

// write makes all that is in the folder outlive the machine, and then says so.
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
	if err := embedded.SyncTree(folder); err != nil {
		return err
	}
	unfinished := filepath.Join(folder, manifestFile+".unfinished")
	if err := os.WriteFile(unfinished, append(content, '\n'), 0o600); err != nil {
		return err
	}
	if err := embedded.Sync(unfinished); err != nil {
		return err
	}
	if err := os.Rename(unfinished, filepath.Join(folder, manifestFile)); err != nil {
		return err
	}
	return errors.Join(embedded.Sync(folder), embedded.Sync(filepath.Dir(folder)))
}

// readManifest reads what is in a backup, and makes sure that it is all there and as it was written.
func readManifest(folder string) (m manifest, err error) {
	content, err := os.ReadFile(filepath.Join(folder, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("there is no complete backup in %s: it has no %s", folder, manifestFile)
	}
	if err != nil {
		return m, inWords(err)
	}
	if err := json.Unmarshal(content, &m); err != nil || m.Format != 1 {
		return m, errors.New("its manifest is not one that this release can read")
	}
	if err := m.check(); err != nil {
		return m, fmt.Errorf("there is no complete backup in %s: %w", folder, err)
	}
	for _, stream := range m.Streams {
		there, err := checksums(filepath.Join(folder, stream.Name))
		if err != nil {
			return m, inWords(err)
		}
		for name, sum := range stream.Files {
			if there[name] != sum {
				return m, fmt.Errorf("%s of stream %s is not what was written", name, stream.Name)
			}
		}
	}
	return m, nil
}

// check makes sure that a backup has what the service cannot do without, once each, and nothing else.
func (m manifest) check() error {
	missing := slices.Clone(backedUp)
	known := append(slices.Clone(backedUp), backedUpSources...)
	for _, stream := range m.Streams {
		at := slices.Index(known, stream.Name)
		if at < 0 {
			return fmt.Errorf("its manifest names %q, which is no stream of a backup or is there twice", stream.Name)
		}
		known = slices.Delete(known, at, at+1)
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == stream.Name })
		if len(stream.Files) < 2 || stream.Files[jsm.SnapshotMetaFile] == "" {
			return fmt.Errorf("its manifest has no files of stream %s", stream.Name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("its manifest lacks %s", strings.Join(missing, ", "))
	}
	return nil
}

// checksums are the SHA-256 of the files of a folder, by name.
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

// streamMeta is what JetStream writes beside the messages of a backup.
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
