package backup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
)

// nameLayout is the name of a folder that CreateIn creates, by which folders are sorted.
const nameLayout = "20060102T150405.000Z"

// CreateIn makes a backup in a new folder within parent, named by the time. Then it deletes the oldest complete backups there
// until keep of them are left, and the incomplete ones of killed processes. It deletes nothing else.
func CreateIn(ctx context.Context, nc *nats.Conn, parent string, keep int, options Options) error {
	name := time.Now().UTC().Format(nameLayout)
	if err := Create(ctx, nc, filepath.Join(parent, name), options); err != nil {
		return err
	}
	fmt.Fprintf(options.Out, "%s: complete\n", filepath.Join(parent, name))
	entries, err := os.ReadDir(parent) // sorted by name
	if err != nil {
		return err
	}
	complete := 0
	for i := len(entries) - 1; i >= 0; i-- {
		if _, err := time.Parse(nameLayout, entries[i].Name()); err != nil || !entries[i].IsDir() || entries[i].Name() > name {
			continue
		}
		folder := filepath.Join(parent, entries[i].Name())
		if _, err := os.Stat(filepath.Join(folder, manifestFile)); err == nil {
			complete++
			if complete <= keep {
				continue
			}
		}
		if err := os.RemoveAll(folder); err != nil {
			return fmt.Errorf("delete old backup: %w", err)
		}
		fmt.Fprintf(options.Out, "%s: deleted\n", folder)
	}
	return nil
}
