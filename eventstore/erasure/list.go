package erasure

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"clients/domain"
)

// Erased is a line of a list.
type Erased struct {
	Client
	CreatedAt time.Time `json:"created_at"` // when its first message was stored, by which it is known again in a backup
	ErasedAt  time.Time `json:"erased_at"`
}

// OpenList opens the list in a file, to append clients to it. It is for backups that are older than the erasures. A file with
// anything else in it is an error.
func OpenList(path string) (*os.File, error) {
	if _, err := ReadList(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}

// AppendToList appends a client to a list, and syncs and closes it.
func AppendToList(list *os.File, erased Erased) error {
	return errors.Join(json.NewEncoder(list).Encode(erased), list.Sync(), list.Close())
}

// ReadList reads a list.
func ReadList(path string) (list []Erased, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for lines := json.NewDecoder(file); ; {
		var line Erased
		err := lines.Decode(&line)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err == nil && (line.ID < 1 || !domain.ValidAccount(line.Account)) {
			err = errors.New("no client")
		}
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, len(list)+1, err)
		}
		list = append(list, line)
	}
}
