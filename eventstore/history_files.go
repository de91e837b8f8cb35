package eventstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// OpenFiles looks through the data directory of an embedded server that is not running, and answers the history that is
// there, however damaged. It reads the files of the server as they are: it starts none, changes nothing, and needs no
// more than to be allowed to read them. As long as the history is open, no server can be started.
//
// read is told how many bytes have been looked through. It answers ErrNoHistory where nothing tells of one, and ErrLocked
// when a server runs on it.
func OpenFiles(ctx context.Context, dir string, read func(done, total uint64)) (_ *History, err error) {
	storeDir := filepath.Join(dir, storeName)
	if err := unfinished(dir); err != nil {
		return nil, err
	}
	if !isThere(storeDir) {
		return nil, fmt.Errorf("%w: %s", ErrNoHistory, dir)
	}
	h := &History{}
	if err := h.share(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			h.Close()
		}
	}()
	f := &files{dir: streamsDir(storeDir), streams: make(map[string]*filedStream), damage: make(map[uint64]*DamagedError)}
	h.from = f
	mark := h.readMark(filepath.Join(dir, highWaterName))
	i := &inspection{
		unpack: true, found: f.add, message: f.remember,
		fault: func(err error) error { h.damaged(f, err); return nil },
	}
	done, total := uint64(0), f.size()
	i.read = func(bytes int) error {
		done += uint64(bytes)
		read(min(done, total), total)
		return ctx.Err()
	}
	if err := i.store(storeDir); err != nil {
		return nil, err
	}
	if err := h.rest(ctx); err != nil {
		return nil, err
	}
	return h, h.bound(f, i.events, mark, dir)
}

// share keeps servers from being started, as far as it may.
func (h *History) share(dir string) error {
	path := filepath.Join(dir, lockName)
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	locked, err := lock.TryRLock()
	switch {
	case errors.Is(err, fs.ErrNotExist): // a copy without it: a server makes one before anything else
		return nil
	case errors.Is(err, fs.ErrPermission):
		h.Notices = append(h.Notices, fmt.Sprintf("whether a service runs on %s cannot be told: what it writes meanwhile would look like damage", dir))
		return nil
	case err != nil:
		return fmt.Errorf("lock %s: %w", dir, err)
	case !locked:
		return fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	h.close = func() { _ = lock.Unlock() }
	return nil
}

// readMark answers the high-water mark, 0 where there is none or it cannot be read.
func (h *History) readMark(path string) uint64 {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && truncated(content) {
		return 0
	}
	var mark uint64
	if err == nil {
		mark, err = parseMark(content)
	}
	if err != nil {
		h.damaged(nil, &DamagedError{File: path, Reason: "the high-water mark is damaged"})
	}
	return mark
}

// damaged takes up a fault, for the records where they can tell it.
func (h *History) damaged(f *files, err error) {
	var damaged *DamagedError
	if !errors.As(err, &damaged) {
		damaged = &DamagedError{Reason: err.Error()}
		var path *fs.PathError
		if errors.As(err, &path) {
			damaged.File, damaged.Reason = path.Path, "it cannot be read: "+path.Err.Error()
		}
	}
	if damaged.Stream == Stream && damaged.Sequence > 0 && f.damage[damaged.Sequence] == nil {
		f.damage[damaged.Sequence] = damaged
		return
	}
	h.Damage = append(h.Damage, damaged)
}

// rest reads what a history is beside the stream of events.
func (h *History) rest(ctx context.Context) error {
	if err := h.listSnapshots(ctx); err != nil {
		return fmt.Errorf("open history: %w", err)
	}
	if err := h.readKeysBound(ctx); err != nil {
		return fmt.Errorf("open history: %w", err)
	}
	if err := h.readCounter(ctx); err != nil {
		return fmt.Errorf("open history: %w", err)
	}
	return nil
}

// size is how large the blocks of all streams are together.
func (f *files) size() (size uint64) {
	_ = filepath.WalkDir(f.dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, blockSuffix) {
			if info, err := entry.Info(); err == nil {
				size += uint64(info.Size())
			}
		}
		return nil
	})
	return size
}
