package eventstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// EmbeddedConfig tells how to start an Embedded server.
type EmbeddedConfig struct {
	Dir  string // holds the store, its lock and its high-water mark; created when missing
	Addr string // host:port that other programs can connect to; port 0 picks a free one, "" lets nobody in
	// Partners is how partners connect. Addr is needed.
	Partners PartnerAccess
	Log      *slog.Logger
	// Unsynced leaves it to the caller to sync what is stored.
	Unsynced bool
}

// Embedded is a NATS server with JetStream inside this process. What it acknowledges is synced to disk, unless it is
// Unsynced.
type Embedded struct {
	HighWater *HighWater
	dir       string
	server    *server.Server
	lock      *flock.Flock
	access    *access // nil where the server does not listen
	address   string  // path of the file with the address
}

// StartEmbedded starts a server over the store in config.Dir. It answers ErrLocked, having touched nothing, when another
// process uses the store; an error of net.Listen when the address is taken; a *DamagedError, having left the store as
// it is, when a block of it is not what was written.
func StartEmbedded(config EmbeddedConfig) (_ *Embedded, err error) {
	host, port, err := "", 0, error(nil)
	if config.Addr != "" {
		host, port, err = freeAddress(config.Addr)
	}
	if err != nil {
		return nil, fmt.Errorf("start embedded server: %w", err)
	}
	e := &Embedded{dir: config.Dir}
	defer func() {
		if err != nil {
			e.Shutdown()
		}
	}()
	if err := e.open(config.Dir, config.Log); err != nil {
		return nil, err
	}
	options := &server.Options{
		ServerName: "clients-embedded",
		Host:       host,
		Port:       port,
		DontListen: config.Addr == "",
		JetStream:  true,
		StoreDir:   filepath.Join(config.Dir, storeName),
		SyncAlways: !config.Unsynced,
		// What the disk has is looked at while the server runs, see DiskFull: its own limit is fixed when it starts.
		JetStreamMaxStore: unlimited,
		MaxConn:           connectionLimit,
		MaxPending:        pendingLimit,
		NoSigs:            true,
	}
	if config.Addr != "" {
		a, err := openAccess(config.Dir)
		if err == nil {
			err = a.apply(options, config.Partners)
		}
		if err != nil {
			return nil, fmt.Errorf("start embedded server: %w", err)
		}
		e.access = &a
	}
	if e.server, err = server.NewServer(options); err != nil {
		return nil, fmt.Errorf("start embedded server: %w", err)
	}
	if err := e.run(config); err != nil {
		return nil, fmt.Errorf("start embedded server: %w", err)
	}
	return e, nil
}

// run starts the server, and says in the data directory where it listens.
func (e *Embedded) run(config EmbeddedConfig) error {
	e.server.SetLoggerV2(serverLog{LimitLog(config.Log)}, false, false, false)
	e.server.Start()
	if !e.server.ReadyForConnections(startLimit) {
		return errors.New("it did not become ready; see the log")
	}
	if e.access == nil {
		return nil
	}
	if err := e.access.enable(e.server); err != nil {
		return err
	}
	e.address = filepath.Join(config.Dir, addressName)
	err := WriteFile(e.address, []byte(strings.TrimPrefix(e.URL(), "nats://")))
	if e.DiskFull() != "" { // reads go on without it
		config.Log.Warn("server address not written", "file", e.address, "error", err)
		return nil
	}
	return err
}

const (
	startLimit = 30 * time.Second
	unlimited  = math.MaxInt64 / 2
)

// connectionLimit is of all connections, those that have not logged in yet included. The account of partners has fewer.
const connectionLimit = 128

// What is in the data directory.
const (
	storeName     = "nats" // the folder of the server's own files
	lockName      = "lock"
	highWaterName = "high-water"
)

// open takes the lock of the data directory and looks at what is in it.
func (e *Embedded) open(dir string, log *slog.Logger) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("start embedded server: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	e.lock = lock
	// Where a process that was killed has listened, somebody else may by now.
	if err := os.RemoveAll(filepath.Join(dir, addressName)); err != nil {
		return fmt.Errorf("start embedded server: %w", err)
	}
	if err := unfinished(dir); err != nil {
		return err
	}
	_ = os.RemoveAll(filepath.Join(dir, draftName)) // where it is but what a finished one has left behind
	last, err := inspect(filepath.Join(dir, storeName), false)
	if err != nil {
		return err
	}
	if e.HighWater, err = OpenHighWater(filepath.Join(dir, highWaterName), last, log); err != nil {
		return err
	}
	return e.HighWater.check(last)
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// lockDir keeps other processes out of a data directory. A subcommand that looks whether it is in use holds the lock for
// an instant.
func lockDir(dir string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, lockName))
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	locked, err := lock.TryLockContext(ctx, 10*time.Millisecond)
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if !locked {
		return nil, fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	return lock, nil
}

// freeAddress makes sure that a server can listen on addr. Port 0 it leaves to the server to choose.
func freeAddress(addr string) (host string, port int, err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", 0, err
	}
	defer listener.Close()
	host, number, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	if port, err = strconv.Atoi(number); port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, err
}

// URL is where other programs can connect.
func (e *Embedded) URL() string { return e.server.ClientURL() }

// Connect connects within the process, as the administrator.
func (e *Embedded) Connect(options ...nats.Option) (*nats.Conn, error) {
	options = append(options, nats.InProcessServer(e.server))
	if e.access != nil {
		options = append(options, nats.UserInfo(adminUser, e.access.admin))
	}
	return nats.Connect("", options...)
}

// Shutdown stops the server, and gives the data directory free. It may be called on one that did not start.
func (e *Embedded) Shutdown() {
	if e.address != "" {
		_ = os.Remove(e.address)
	}
	if e.server != nil {
		e.server.Shutdown()
		e.server.WaitForShutdown()
	}
	if e.HighWater != nil {
		_ = e.HighWater.Close()
	}
	if e.lock != nil {
		_ = e.lock.Unlock()
	}
}

// serverLog hands the server's warnings and errors on; its notices are for debugging.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(format string, v ...any) {
	l.log.Debug("nats: " + fmt.Sprintf(format, v...))
}
func (l serverLog) Warnf(format string, v ...any)  { l.log.Warn("nats: " + fmt.Sprintf(format, v...)) }
func (l serverLog) Errorf(format string, v ...any) { l.log.Error("nats: " + fmt.Sprintf(format, v...)) }
func (l serverLog) Fatalf(format string, v ...any) { l.log.Error("nats: " + fmt.Sprintf(format, v...)) }
func (l serverLog) Debugf(format string, v ...any) { l.log.Debug("nats: " + fmt.Sprintf(format, v...)) }
func (l serverLog) Tracef(format string, v ...any) { l.log.Debug("nats: " + fmt.Sprintf(format, v...)) }
