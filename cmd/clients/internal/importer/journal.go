package importer

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"clients/cmd/clients/internal/terminal"

	"github.com/gofrs/flock"
)

// journal records which clients of a list have been created, so that an import can be continued.
type journal struct {
	file    *os.File
	lock    *flock.Flock
	head    journalHead
	entries map[string]journalEntry // of earlier runs, by key
	byOldID map[int64]journalEntry
}

// journalHead is the first line.
type journalHead struct {
	Format int    `json:"format"` // 1
	URL    string `json:"url"`
	User   string `json:"user"`
}

// journalEntry is a further line: a client that was created.
type journalEntry struct {
	Client string `json:"client"` // key of the record
	Line   int    `json:"line"`
	OldID  int64  `json:"old_id,omitempty"`
	ID     int64  `json:"id"`
}

var errNoJournal = errors.New("not the journal of an import")

// openJournal opens or creates a journal and locks it. It returns an error if the journal is of another service or user,
// or in use. A last line that a crash has cut off is removed.
func openJournal(path, url, user string) (_ *journal, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{
		file: file, lock: flock.New(path), head: journalHead{1, url, user},
		entries: make(map[string]journalEntry), byOldID: make(map[int64]journalEntry),
	}
	locked, err := j.lock.TryLock()
	if err == nil && !locked {
		err = errors.New("in use by another import")
	}
	if err == nil {
		err = j.load()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", path, err), j.lock.Close(), file.Close())
	}
	return j, nil
}

// load reads the entries. A journal without any may be of another service or user.
func (j *journal) load() error {
	if info, err := j.file.Stat(); err != nil || !info.Mode().IsRegular() { // a device has no end
		return cmp.Or(err, errNoJournal)
	}
	lines := bufio.NewReader(j.file)
	first, err := lines.ReadBytes('\n')
	if err != nil { // it is empty, or the first line was cut off
		if len(first) > 0 && !bytes.HasPrefix(first, []byte(`{"format":`)) {
			return errNoJournal
		}
		return j.begin()
	}
	var head journalHead
	if json.Unmarshal(first, &head) != nil || head.Format != j.head.Format {
		return errNoJournal
	}
	valid := int64(len(first))
	for {
		line, err := lines.ReadBytes('\n')
		var entry journalEntry
		if err != nil || json.Unmarshal(line, &entry) != nil {
			break
		}
		j.entries[entry.Client] = entry
		if entry.OldID != 0 {
			j.byOldID[entry.OldID] = entry
		}
		valid += int64(len(line))
	}
	switch {
	case head == j.head:
		return j.file.Truncate(valid)
	case len(j.entries) == 0:
		return j.begin()
	}
	return terminal.WithHint(fmt.Errorf("belongs to %s, not to %s", head.owner(), j.head.owner()), "use another --journal")
}

// begin makes it an empty journal.
func (j *journal) begin() error {
	return errors.Join(j.file.Truncate(0), j.write(j.head))
}

func (h journalHead) owner() string {
	if h.User == "" {
		return h.URL + " without login"
	}
	return h.URL + " as user " + h.User
}

// changed returns the entry of the client with the same old id, if its record was another one.
func (j *journal) changed(r record) (journalEntry, bool) {
	entry, found := j.byOldID[r.oldID]
	return entry, found && !strings.HasPrefix(entry.Client, r.digest())
}

func (j *journal) write(line any) error {
	text, err := json.Marshal(line)
	if err == nil {
		_, err = j.file.Write(append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

func (j *journal) close() { _, _ = j.lock.Close(), j.file.Close() }
