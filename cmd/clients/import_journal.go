package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/gofrs/flock"
)

// journal notes which clients have been made of those in a list, so that an import goes on where it was. Its first line
// names the service and the user, each further one a client.
type journal struct {
	path string
	file *os.File
	lock *flock.Flock
	head journalHead
	bare bool                   // nothing is written yet
	done map[string]journalLine // what earlier runs have made, by what the list said of it
	old  map[int64]journalLine  // and by its old id
}

type journalHead struct {
	Format int    `json:"format"` // 1
	URL    string `json:"url"`
	User   string `json:"user"`
}

// journalLine says what has become of a client of the list.
type journalLine struct {
	Client string `json:"client"` // digest of what the list says of it, and which one it is of those that are alike
	Line   int    `json:"line"`
	OldID  int64  `json:"old_id,omitempty"`
	ID     int64  `json:"id"`
}

// openJournal goes on with a journal, or begins it. One of another service or user is refused, and one that another
// import writes. What a crash has left of a line is cut off.
func openJournal(path, url, user string) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{
		path: path, file: file, lock: flock.New(path), head: journalHead{1, url, user}, done: make(map[string]journalLine), old: make(map[int64]journalLine),
	}
	locked, err := j.lock.TryLock()
	if err == nil && (!locked || !j.stands()) {
		err = errors.New("another import is writing it")
	}
	if err == nil {
		err = j.read()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", path, err), j.lock.Close(), file.Close())
	}
	return j, nil
}

// stands tells whether the file that was opened is still the one of that name, and not one that another import has given up.
func (j *journal) stands() bool {
	opened, err := j.file.Stat()
	named, err2 := os.Stat(j.path)
	return err == nil && err2 == nil && os.SameFile(opened, named)
}

func (j *journal) read() error {
	lines := bufio.NewReader(j.file)
	first, err := lines.ReadBytes('\n')
	if err != nil { // nothing, or half of a first line
		j.bare = true
		if len(first) > 0 && !strings.HasPrefix(string(first), `{"format":`) {
			return errors.New("it is no journal of an import")
		}
		return j.file.Truncate(0)
	}
	var head journalHead
	if json.Unmarshal(first, &head) != nil || head.Format != j.head.Format {
		return errors.New("it is no journal of an import")
	}
	good := int64(len(first))
	for {
		text, err := lines.ReadBytes('\n')
		var line journalLine
		if err != nil || json.Unmarshal(text, &line) != nil {
			break
		}
		j.done[line.Client] = line
		if line.OldID != 0 {
			j.old[line.OldID] = line
		}
		good += int64(len(text))
	}
	if head != j.head && len(j.done) > 0 {
		return fmt.Errorf("it is of %s, and not of %s: name another one by --journal, or that service and user", head.whose(), j.head.whose())
	}
	if j.bare = head != j.head; j.bare {
		good = 0
	}
	return j.file.Truncate(good)
}

func (h journalHead) whose() string {
	if h.User == "" {
		return h.URL + " without a login"
	}
	return h.URL + " as user " + h.User
}

// changed tells what a client of the list has become when the list said something else of it.
func (j *journal) changed(item listedClient) (journalLine, bool) {
	line, found := j.old[item.oldID()]
	return line, found && !strings.HasPrefix(line.Client, item.digest())
}

// note notes a client that was made.
func (j *journal) note(line journalLine) error {
	if j.bare {
		if err := j.write(j.head); err != nil {
			return err
		}
		j.bare = false
	}
	return j.write(line)
}

func (j *journal) write(line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	if _, err = j.file.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// close leaves nothing behind of a journal that has nothing to tell.
func (j *journal) close() {
	if j.bare {
		_ = os.Remove(j.path)
	}
	_ = j.lock.Close()
	_ = j.file.Close()
}
