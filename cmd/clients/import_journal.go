package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
)

// journal notes which clients of a list have been made, so that an import goes on where it was. Its first line names the
// list, each further one a client.
type journal struct {
	file *os.File

	mu   sync.Mutex
	done map[int]bool
}

type journalHead struct {
	List string `json:"list"`
}

// journalLine says what has become of a client of the list.
type journalLine struct {
	Position int   `json:"position"`
	Line     int   `json:"line"`
	OldID    int64 `json:"old_id,omitempty"`
	ID       int64 `json:"id"`
}

// openJournal goes on with the journal of a list, or begins it. One of another list is refused. What a crash has left of
// a line is written over.
func openJournal(path, list string) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{file: file, done: make(map[int]bool)}
	if err := j.read(list); err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", path, err), file.Close())
	}
	return j, nil
}

func (j *journal) read(list string) error {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return j.write(journalHead{list})
	}
	lines := bufio.NewReader(j.file)
	var head journalHead
	first, err := lines.ReadBytes('\n')
	if err != nil || json.Unmarshal(first, &head) != nil || head.List != list {
		return errors.New("it is not of this list: name another one by --journal, or remove it to import everything anew")
	}
	good := int64(len(first))
	for {
		text, err := lines.ReadBytes('\n')
		var line journalLine
		if err != nil || json.Unmarshal(text, &line) != nil {
			break
		}
		j.done[line.Position] = true
		good += int64(len(text))
	}
	if err := j.file.Truncate(good); err != nil {
		return err
	}
	_, err = j.file.Seek(good, 0)
	return err
}

func (j *journal) has(position int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.done[position]
}

func (j *journal) note(item listedClient, id int64) error {
	return j.write(journalLine{Position: item.position, Line: item.line, OldID: item.oldID(), ID: id})
}

func (j *journal) write(line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(text, '\n'))
	return err
}

func (j *journal) close() { _ = j.file.Close() }
